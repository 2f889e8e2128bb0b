import { useState } from "preact/hooks";
import type { ModelFacts } from "../engines/engine";
import { text } from "../text";
import { Dialog } from "../ui/dialog";
import { ErrorNote } from "../ui/notes";
import { saveLook } from "./saved_looks";
import type { LookInput, Session } from "./session";

const words = text.editor.look;

/** A window that asks under which name the service keeps the look. */
export function SaveDialog({
  session,
  facts,
  onSaved,
  onClose,
}: {
  session: Session;
  facts: ModelFacts;
  onSaved: (look: LookInput) => void;
  onClose: () => void;
}) {
  const [name, setName] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    saveLook(session, name.trim(), facts).then(
      (look) => {
        onSaved(look);
        onClose();
      },
      (problem) => {
        setError(problem);
        setBusy(false);
      },
    );
  };
  return (
    <Dialog title={words.saveTitle} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p>{words.saveWhy}</p>
        <label class="field">
          {words.saveName}
          <input
            required
            data-first
            maxLength={200}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        {error !== null && <ErrorNote error={error} />}
        <div class="actions">
          <button type="button" onClick={onClose}>
            {text.cancel}
          </button>
          <button class="primary" disabled={isBusy}>
            {words.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
