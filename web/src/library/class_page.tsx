import { useState } from "preact/hooks";
import { listClasses, listImages, removeImage, type DataSetImage } from "../api/data_sets";
import { text } from "../text";
import { Confirm } from "../ui/confirm";
import { bytes } from "../ui/format";
import { ErrorNote } from "../ui/notes";
import { Picture } from "../ui/picture";
import { AddImages } from "./add_images";
import { addressOf } from "./data_sets";
import { Loading, useAction, useLoaded } from "./loading";
import { LibraryPage } from "./page";

const words = text.library.datasets;

interface Props {
  name: string;
  version: number | null;
  part: string;
  cls: string;
}

/** The images of a class; those of the newest version may be removed, and others added. */
export function ClassPage({ name, version, part, cls }: Props) {
  const keys = [name, version, part, cls];
  const first = useLoaded((signal) => listImages(name, version, part, cls, 0, signal), keys);
  const classes = useLoaded((signal) => listClasses(name, version, signal), keys);
  return (
    <LibraryPage
      title={part ? `${part}/${cls}` : cls}
      up={[addressOf(name, version), words.back(version ? `${name}@${version}` : name)]}
    >
      <Loading of={first}>
        {(page) => (
          <Images
            key={String(page.items[0]?.id) + page.total}
            {...{ name, version, part, cls, page }}
            onRemoved={first.reload}
          />
        )}
      </Loading>
      {version === null && classes.value && (
        <AddImages
          name={name}
          classes={classes.value}
          cls={cls}
          part={part}
          onAdded={first.reload}
        />
      )}
    </LibraryPage>
  );
}

type Page = Awaited<ReturnType<typeof listImages>>;

function Images({
  name,
  version,
  part,
  cls,
  page,
  onRemoved,
}: Props & { page: Page; onRemoved: () => void }) {
  const [more, setMore] = useState<{ items: DataSetImage[]; next: number | null }>({
    items: [],
    next: page.next,
  });
  const [removing, setRemoving] = useState<DataSetImage | null>(null);
  const { isBusy, error, run } = useAction();
  const load = () =>
    run(async () => {
      const { signal } = new AbortController();
      const { items, next } = await listImages(name, version, part, cls, more.next ?? 0, signal);
      setMore({ items: [...more.items, ...items], next });
    });
  const shown = [...page.items, ...more.items];
  return (
    <>
      <ul class="thumbs">
        {shown.map((image) => (
          <li key={image.id}>
            <Picture
              class="sharp"
              path={`${image.thumbnail}?size=128`}
              alt={image.name}
              width={96}
              height={96}
            />
            <span class="thumb-name">{image.name}</span>
            <small class="muted">
              {image.width} × {image.height} · {bytes(image.size)}
            </small>
            {version === null && (
              <button
                class="quiet"
                aria-label={words.removeImage(image.name)}
                onClick={() => setRemoving(image)}
              >
                {text.library.remove}
              </button>
            )}
          </li>
        ))}
      </ul>
      <p>
        {words.shownOf(shown.length, page.total)}{" "}
        {more.next !== null && (
          <button onClick={load} disabled={isBusy}>
            {text.library.more}
          </button>
        )}
      </p>
      {error !== null && <ErrorNote error={error} onRetry={load} />}
      {removing && (
        <Confirm
          title={`${words.removeImage(removing.name)}?`}
          action={text.library.remove}
          onConfirm={async () => {
            await removeImage(name, removing.id);
            onRemoved();
          }}
          onClose={() => setRemoving(null)}
        >
          {words.removeImageAbout(removing.name)}
        </Confirm>
      )}
    </>
  );
}
