import { useState } from "preact/hooks";
import { text } from "../text";
import { FileButton, IconButton, WordButton } from "../ui/buttons";
import { CameraDialog, GalleryDialog, SaveDialog } from "./dialogs";
import { DropZone } from "./drop_zone";
import { Examples } from "./examples";
import { PICTURES } from "./pose_well";
import { canSave, savedLookPath, saveLook } from "./saved_looks";
import { MOST_EXAMPLES, withBlend, withLook, withoutLook, type LookInput, type Session } from "./session";
import { GalleryTile, nameOf, SavedTile } from "./tiles";
import type { Ready } from "./use_engine";

const words = text.editor.look;

type Change = (session: Session, what?: string) => void;

/** Where the look comes from: one, or two that are blended. */
export function LookWell({
  session,
  ready,
  attempt,
  onFiles,
  onChange,
}: {
  session: Session;
  ready: Ready | null;
  attempt: number;
  onFiles: (files: File[], index: number) => void;
  onChange: Change;
}) {
  const [isSaving, setSaving] = useState(false);
  const { looks } = session;
  const isBlend = looks.length === 2;
  return (
    <section class="well card" aria-labelledby="look-title" data-well="look">
      <header>
        <h2 id="look-title">{words.title}</h2>
        {canSave(session) && (
          <IconButton icon="save" label={words.saveTitle} onClick={() => setSaving(true)} />
        )}
        {!isBlend && (
          <IconButton
            icon="blend"
            label={words.blend}
            onClick={() => onChange(withBlend(session, partner(session, ready)))}
          />
        )}
        <p class="muted hint">{words.hint}</p>
      </header>
      {looks.map((look, index) => (
        <OneLook
          key={index}
          look={look}
          index={index}
          isBlend={isBlend}
          ready={ready}
          attempt={attempt}
          onFiles={(files) => onFiles(files, index)}
          onChange={(changed, what) => onChange(withLook(session, index, changed), what)}
          onRemove={() => onChange(withoutLook(session, index))}
        />
      ))}
      {isBlend && <Share session={session} onChange={onChange} />}
      {isSaving && ready && (
        <SaveDialog
          title={words.saveTitle}
          why={words.saveWhy}
          save={async (name) => {
            const look = await saveLook(session, name, ready.engine.facts);
            onChange({ ...session, looks: [look] });
          }}
          onClose={() => setSaving(false)}
        />
      )}
    </section>
  );
}

function OneLook({
  look,
  index,
  isBlend,
  ready,
  attempt,
  onFiles,
  onChange,
  onRemove,
}: {
  look: LookInput;
  index: number;
  isBlend: boolean;
  ready: Ready | null;
  attempt: number;
  onFiles: (files: File[]) => void;
  onChange: (look: LookInput, what?: string) => void;
  onRemove: () => void;
}) {
  const [open, setOpen] = useState<"camera" | "gallery" | null>(null);
  const close = () => setOpen(null);
  const isFull = look.kind === "examples" && look.examples.length >= MOST_EXAMPLES;
  return (
    <DropZone class="look" onFiles={onFiles}>
      <div role="group" aria-label={isBlend ? words.titles[index] : words.title} data-look={index}>
        {isBlend && (
          <header class="look-head">
            <h3>{words.titles[index]}</h3>
            <IconButton icon="close" label={words.removeLook} onClick={onRemove} />
          </header>
        )}
        {look.kind === "examples" ? (
          <Examples examples={look.examples} attempt={attempt} onChange={onChange} />
        ) : (
          <button
            type="button"
            class="tile-button named"
            aria-label={words.alt(nameOf(look))}
            onClick={() => setOpen("gallery")}
          >
            {look.kind === "gallery" ? (
              <GalleryTile gallery={ready?.gallery ?? null} kind="look" name={look.name} side={96} />
            ) : (
              <SavedTile path={savedLookPath(look.id)} />
            )}
            <span class="name">{look.name}</span>
          </button>
        )}
        <div class="tools">
          {!isFull && (
            <FileButton
              icon="picture"
              label={look.kind === "examples" ? text.editor.add : text.editor.addFile}
              accept={PICTURES}
              multiple
              onFiles={onFiles}
            />
          )}
          <WordButton icon="gallery" onClick={() => setOpen("gallery")}>
            {text.editor.fromGallery}
          </WordButton>
          {!isFull && (
            <IconButton
              icon="camera"
              label={text.editor.fromCamera}
              onClick={() => setOpen("camera")}
            />
          )}
        </div>
      </div>
      {open === "camera" && <CameraDialog onFile={(file) => onFiles([file])} onClose={close} />}
      {open === "gallery" && ready && (
        <GalleryDialog kind="look" ready={ready} chosen={look} onChoose={onChange} onClose={close} />
      )}
    </DropZone>
  );
}

/** The slider between two looks. */
function Share({ session, onChange }: { session: Session; onChange: Change }) {
  const second = Math.round(100 * session.share);
  return (
    <label class="field share">
      {words.blendTitle}
      <input
        type="range"
        min="0"
        max="100"
        value={second}
        aria-valuetext={words.share(100 - second, second)}
        onInput={(event) =>
          onChange({ ...session, share: Number(event.currentTarget.value) / 100 }, "share")
        }
      />
      <output>{words.share(100 - second, second)}</output>
    </label>
  );
}

/** A look to begin a blend with: the gallery's next one. */
function partner({ looks: [first] }: Session, ready: Ready | null): LookInput {
  const names = ready?.engine.facts.looks ?? [];
  const at = first.kind === "gallery" ? names.indexOf(first.name) : -1;
  const name = names[(at + 1) % names.length];
  return name === undefined ? { kind: "examples", examples: [] } : { kind: "gallery", name };
}
