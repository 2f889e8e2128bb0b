import { useState } from "preact/hooks";
import { text } from "../text";
import { IconButton } from "../ui/buttons";
import { Dialog } from "../ui/dialog";
import { Empty, ErrorNote } from "../ui/notes";
import { usePromise } from "../ui/use_promise";
import { deleteSavedLook, listSavedLooks } from "./saved_looks";
import type { LookInput, PoseInput } from "./session";
import { GalleryTile, SavedTile } from "./tiles";
import type { Ready } from "./use_engine";

const words = text.editor.look;

type Props =
  | { kind: "pose"; chosen: PoseInput | null; onChoose: (pose: PoseInput) => void }
  | { kind: "look"; chosen: LookInput; onChoose: (look: LookInput) => void };

/** A window with what the model brings: its poses, or its looks and those that were saved. */
export function GalleryDialog({
  ready,
  onClose,
  ...props
}: Props & { ready: Ready; onClose: () => void }) {
  const { facts } = ready.engine;
  const isPose = props.kind === "pose";
  const names = isPose ? facts.poses : facts.looks;
  const choose = (name: string) => {
    props.onChoose({ kind: "gallery", name });
    onClose();
  };
  const chosen = props.chosen?.kind === "gallery" ? props.chosen.name : null;
  return (
    <Dialog
      title={isPose ? text.editor.pose.galleryTitle : words.galleryTitle}
      onClose={onClose}
      wide
    >
      <ul class="grid">
        {names.map((name) => (
          <li>
            <button
              type="button"
              class="tile-button named"
              title={name}
              aria-pressed={name === chosen}
              onClick={() => choose(name)}
            >
              <GalleryTile gallery={ready.gallery} kind={props.kind} name={name} side={112} />
              <span class="name">{name}</span>
            </button>
          </li>
        ))}
      </ul>
      {props.kind === "look" && (
        <Saved
          model={facts.model}
          chosen={props.chosen}
          onChoose={(look) => {
            props.onChoose(look);
            onClose();
          }}
        />
      )}
    </Dialog>
  );
}

function Saved({
  model,
  chosen,
  onChoose,
}: {
  model: string;
  chosen: LookInput;
  onChoose: (look: LookInput) => void;
}) {
  const [changes, setChanges] = useState(0);
  const found = usePromise(() => listSavedLooks(model), [model, changes]);
  const again = () => setChanges((n) => n + 1);
  return (
    <section aria-labelledby="saved-title">
      <h3 id="saved-title">{words.savedTitle}</h3>
      {found.state === "waiting" && <p role="status">{text.loading}</p>}
      {found.state === "failed" && <ErrorNote error={found.error} onRetry={again} />}
      {found.state === "done" && !found.value.length && <Empty>{words.noSaved}</Empty>}
      {found.state === "done" && (
        <ul class="grid">
          {found.value.map(({ id, name }) => (
            <li class="removable">
              <button
                type="button"
                class="tile-button named"
                aria-pressed={chosen.kind === "saved" && chosen.id === id}
                onClick={() => onChoose({ kind: "saved", id, name: name ?? id, model })}
              >
                <SavedTile id={id} />
                <span class="name">{name ?? id}</span>
              </button>
              <IconButton
                icon="trash"
                label={words.savedDelete(name ?? id)}
                onClick={() => void deleteSavedLook(id).then(again, again)}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
