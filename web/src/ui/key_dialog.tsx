import { useState } from "preact/hooks";
import { apiKey } from "../api/client";
import { text } from "../text";
import { Dialog } from "./dialog";

/** Asks for the service's API key; it is kept in this tab. */
export function KeyDialog({ onKey, onClose }: { onKey: () => void; onClose: () => void }) {
  const [key, setKey] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    apiKey.set(key.trim());
    onKey();
  };
  return (
    <Dialog title={text.key.title} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p>{text.key.why}</p>
        <label class="field">
          {text.key.label}
          <input
            type="password"
            autocomplete="off"
            required
            data-first
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="button" onClick={onClose}>
            {text.cancel}
          </button>
          <button class="primary">{text.key.use}</button>
        </div>
      </form>
    </Dialog>
  );
}
