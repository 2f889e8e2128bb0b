import { useState } from "preact/hooks";
import { text } from "../text";
import { FileButton, IconButton, WordButton } from "../ui/buttons";
import { DropZone } from "./drop_zone";
import type { GalleryPictures } from "./gallery_pictures";
import { CameraDialog, CropDialog, GalleryDialog, SaveDialog } from "./dialogs";
import { savePose } from "./saved_poses";
import type { PoseInput } from "./session";
import { GalleryTile, nameOf, PictureTile } from "./tiles";
import type { Ready } from "./use_engine";

export const PICTURES = "image/png,image/jpeg,image/webp,image/gif,image/bmp,image/*";

/** Where the pose comes from. */
export function PoseWell({
  pose,
  ready,
  attempt,
  onFiles,
  onChange,
  onSurprise,
}: {
  /** undefined: it is not known yet. */
  pose: PoseInput | null | undefined;
  ready: Ready | null;
  attempt: number;
  onFiles: (files: File[]) => void;
  onChange: (pose: PoseInput) => void;
  onSurprise: () => void;
}) {
  const [open, setOpen] = useState<"crop" | "camera" | "gallery" | "save" | null>(null);
  const [saved, setSaved] = useState<{ pose: PoseInput; name: string } | null>(null);
  const close = () => setOpen(null);
  const words = text.editor.pose;
  const hasGallery = Boolean(ready?.engine.facts.poses.length);
  return (
    <section class="well card" aria-labelledby="pose-title" data-well="pose">
      <header>
        <h2 id="pose-title">{words.title}</h2>
        {pose?.kind === "picture" && (
          <IconButton icon="save" label={words.saveTitle} onClick={() => setOpen("save")} />
        )}
        {hasGallery && <IconButton icon="dice" label={words.surprise} onClick={onSurprise} />}
        <p class="muted hint">{words.hint}</p>
      </header>
      <DropZone class="main" onFiles={onFiles}>
        {pose ? (
          <button
            type="button"
            class="tile-button"
            aria-label={words.alt(nameOf(pose))}
            onClick={() => setOpen(pose.kind === "picture" ? "crop" : "gallery")}
          >
            <PoseTile pose={pose} gallery={ready?.gallery ?? null} attempt={attempt} />
          </button>
        ) : (
          <p class="empty-well">{pose === null && words.empty}</p>
        )}
        {pose?.kind === "picture" && (
          <IconButton icon="crop" label={text.editor.crop} onClick={() => setOpen("crop")} />
        )}
      </DropZone>
      <p class="caption">{nameOf(pose)}</p>
      {saved && saved.pose === pose && <p role="status">{words.saved(saved.name)}</p>}
      <div class="tools">
        <FileButton
          icon="picture"
          label={text.editor.addFile}
          accept={PICTURES}
          onFiles={onFiles}
        />
        {ready && (
          <WordButton icon="gallery" onClick={() => setOpen("gallery")}>
            {text.editor.fromGallery}
          </WordButton>
        )}
        <IconButton icon="camera" label={text.editor.fromCamera} onClick={() => setOpen("camera")} />
      </div>
      {open === "crop" && pose?.kind === "picture" && (
        <CropDialog picture={pose} onCrop={(crop) => onChange({ ...pose, crop })} onClose={close} />
      )}
      {open === "save" && pose?.kind === "picture" && (
        <SaveDialog
          title={words.saveTitle}
          why={words.saveWhy}
          save={async (name) => {
            await savePose(pose, name);
            setSaved({ pose, name });
          }}
          onClose={close}
        />
      )}
      {open === "camera" && <CameraDialog onFile={(file) => onFiles([file])} onClose={close} />}
      {open === "gallery" && ready && (
        <GalleryDialog kind="pose" ready={ready} chosen={pose ?? null} onChoose={onChange} onClose={close} />
      )}
    </section>
  );
}

function PoseTile({
  pose,
  gallery,
  attempt,
}: {
  pose: PoseInput;
  gallery: GalleryPictures | null;
  attempt: number;
}) {
  if (pose.kind === "picture") return <PictureTile input={pose} side={280} attempt={attempt} />;
  return <GalleryTile gallery={gallery} kind="pose" name={pose.name} side={280} />;
}
