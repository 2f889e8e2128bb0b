import { useState } from "preact/hooks";
import { text } from "../text";
import { Dialog } from "../ui/dialog";
import { ErrorNote } from "../ui/notes";

const words = text.editor.save;

/** A window that asks under which name the service keeps something. */
export function SaveDialog({
  title,
  why,
  save,
  onClose,
}: {
  title: string;
  /** What the service gets, and what it keeps. */
  why: string;
  save: (name: string) => Promise<void>;
  onClose: () => void;
}) {
  const [name, setName] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    save(name.trim()).then(onClose, (problem) => {
      setError(problem);
      setBusy(false);
    });
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p>{why}</p>
        <label class="field">
          {words.name}
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
            {words.action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
