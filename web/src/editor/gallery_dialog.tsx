import { useState } from "preact/hooks";
import { text } from "../text";
import { IconButton } from "../ui/buttons";
import { Dialog } from "../ui/dialog";
import { Empty, ErrorNote } from "../ui/notes";
import { usePromise } from "../ui/use_promise";
import { deleteSavedLook, listSavedLooks, savedLookPath } from "./saved_looks";
import { deleteSavedPose, listSavedPoses, openSavedPose, savedPosePath } from "./saved_poses";
import type { LookInput, PoseInput } from "./session";
import { GalleryTile, SavedTile } from "./tiles";
import type { Ready } from "./use_engine";

const words = text.editor.look;

type Props =
  | { kind: "pose"; chosen: PoseInput | null; onChoose: (pose: PoseInput) => void }
  | { kind: "look"; chosen: LookInput; onChoose: (look: LookInput) => void };

/** A window with what the model brings, its poses or its looks, and with those that were saved. */
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
      {props.kind === "look" ? (
        <Saved
          title={words.savedTitle}
          none={words.noSaved}
          list={() => listSavedLooks(facts.model)}
          remove={deleteSavedLook}
          path={savedLookPath}
          chosen={props.chosen.kind === "saved" ? props.chosen.id : null}
          onChoose={async ({ id, name }) => {
            props.onChoose({ kind: "saved", id, name: name ?? id, model: facts.model });
            onClose();
          }}
        />
      ) : (
        <Saved
          title={text.editor.pose.savedTitle}
          none={text.editor.pose.noSaved}
          list={listSavedPoses}
          remove={deleteSavedPose}
          path={savedPosePath}
          chosen={null}
          onChoose={async (pose) => {
            props.onChoose(await openSavedPose(pose));
            onClose();
          }}
        />
      )}
    </Dialog>
  );
}

interface Kept {
  id: string;
  name: string | null;
}

/** What the service keeps for the person. */
function Saved({
  title,
  none,
  list,
  remove,
  path,
  chosen,
  onChoose,
}: {
  title: string;
  none: string;
  list: () => Promise<Kept[]>;
  remove: (id: string) => Promise<void>;
  /** Where the service has a picture of one. */
  path: (id: string) => string;
  chosen: string | null;
  onChoose: (kept: Kept) => Promise<void>;
}) {
  const [changes, setChanges] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const found = usePromise(list, [changes]);
  const again = () => setChanges((n) => n + 1);
  return (
    <section aria-labelledby="saved-title">
      <h3 id="saved-title">{title}</h3>
      {found.state === "waiting" && <p role="status">{text.loading}</p>}
      {found.state === "failed" && <ErrorNote error={found.error} onRetry={again} />}
      {error !== null && <ErrorNote error={error} />}
      {found.state === "done" && !found.value.length && <Empty>{none}</Empty>}
      {found.state === "done" && (
        <ul class="grid">
          {found.value.map((kept) => (
            <li class="removable">
              <button
                type="button"
                class="tile-button named"
                aria-pressed={kept.id === chosen}
                onClick={() => void onChoose(kept).catch(setError)}
              >
                <SavedTile path={path(kept.id)} />
                <span class="name">{kept.name ?? kept.id}</span>
              </button>
              <IconButton
                icon="trash"
                label={text.editor.save.delete(kept.name ?? kept.id)}
                onClick={() => void remove(kept.id).then(again, again)}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
