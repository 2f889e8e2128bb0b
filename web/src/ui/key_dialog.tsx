import { useEffect, useRef, useState } from "preact/hooks";
import { apiKey, promptForKey, promptForKeyWith, type ServiceError } from "../api/client";
import { text } from "../text";

/** The key of this tab; a component that uses it is drawn again when it changes. */
export function useApiKey(): string | null {
  const [key, setKey] = useState(apiKey.get);
  useEffect(() => apiKey.watch(() => setKey(apiKey.get())), []);
  return key;
}

/** Lets a person change or forget the key, where there is one. */
export function KeyButton() {
  if (!useApiKey()) return null;
  return (
    <button class="quiet" onClick={() => promptForKey(null)}>
      {text.key.title}
    </button>
  );
}

/** Asks for an API key whenever the service wants one: `ask` waits for the answer. */
export function KeyDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const answer = useRef<(given: boolean) => void>(() => undefined);
  const [reason, setReason] = useState<ServiceError | null>(null);
  const [value, setValue] = useState("");

  useEffect(() => {
    promptForKeyWith((why) => {
      setReason(why);
      setValue("");
      dialog.current?.showModal();
      return new Promise((resolve) => (answer.current = resolve));
    });
    return () => promptForKeyWith(null);
  }, []);

  const close = (given: boolean) => {
    answer.current(given);
    dialog.current?.close();
  };
  const use = (event: Event) => {
    event.preventDefault();
    apiKey.set(value.trim());
    close(true);
  };
  const forget = () => {
    apiKey.set(null);
    close(true);
  };

  return (
    <dialog ref={dialog} class="ask" aria-labelledby="key-title" onClose={() => answer.current(false)}>
      <form onSubmit={use}>
        <h2 id="key-title">{text.key.title}</h2>
        {reason && (
          <p role="alert">
            <strong>{reason.message}</strong> {reason.hint}
          </p>
        )}
        <p>{text.key.about}</p>
        <label>
          {text.key.label}
          <input
            type="password"
            autocomplete="off"
            required
            value={value}
            onInput={(event) => setValue(event.currentTarget.value)}
          />
        </label>
        <div class="buttons">
          <button class="primary">{text.key.use}</button>
          {apiKey.get() && (
            <button type="button" onClick={forget}>
              {text.key.forget}
            </button>
          )}
          <button type="button" onClick={() => close(false)}>
            {text.key.cancel}
          </button>
        </div>
      </form>
    </dialog>
  );
}
