import { useEffect, useState } from "preact/hooks";
import { text } from "../text";
import { Pixels } from "../ui/pixels";
import { usePromise } from "../ui/use_promise";
import type { GalleryPictures } from "./gallery_pictures";
import { croppedPixels } from "./pictures";
import type { LookInput, PictureInput, PoseInput } from "./session";
import { thumbnail } from "./saved_looks";

const AGAIN = 3000; // milliseconds, until a drawing that failed is asked for again

/** How an input is called, for people. */
export function nameOf(input: PoseInput | LookInput | null | undefined): string {
  if (!input) return "";
  return input.kind === "examples" ? input.examples.map(({ name }) => name).join(", ") : input.name;
}

/** A picture of the person's own, cropped; or the wish for it, where it is not here. */
export function PictureTile({
  input,
  side,
  attempt,
}: {
  input: PictureInput;
  side: number;
  attempt: number;
}) {
  const found = usePromise(() => croppedPixels(input), [input.sha, input.crop, attempt]);
  if (found.state !== "done") return <span class="tile" />;
  if (!found.value) return <span class="tile missing">{text.editor.missing(input.name)}</span>;
  return (
    <span class="tile">
      <Pixels picture={found.value} label="" side={side} />
    </span>
  );
}

/** A pose or a look of the gallery, as it is drawn. */
export function GalleryTile({
  gallery,
  kind,
  name,
  side,
}: {
  gallery: GalleryPictures | null;
  kind: "pose" | "look";
  name: string;
  side: number;
}) {
  const [attempt, setAttempt] = useState(0);
  const found = usePromise(
    async () => (gallery?.has(kind, name) ? gallery[kind](name) : null),
    [gallery, kind, name, attempt],
  );
  const hasFailed = found.state === "failed";
  useEffect(() => {
    if (!hasFailed) return;
    const timer = setInterval(() => setAttempt((n) => n + 1), AGAIN);
    return () => clearInterval(timer);
  }, [hasFailed]);
  return (
    <span class="tile">
      {found.state === "done" && found.value && (
        <Pixels picture={found.value} label="" side={side} />
      )}
    </span>
  );
}

/** A look or a pose that the service keeps, by where its picture is. */
export function SavedTile({ path }: { path: string }) {
  const found = usePromise(() => thumbnail(path), [path]);
  return <span class="tile">{found.state === "done" && <img src={found.value} alt="" />}</span>;
}
