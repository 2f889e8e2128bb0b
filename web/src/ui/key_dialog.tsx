import { useEffect, useState } from "preact/hooks";
import { apiKey, promptForKey, promptForKeyWith, type ServiceError } from "../api/client";
import { text } from "../text";
import { Dialog } from "./dialog";

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

interface Question {
  reason: ServiceError | null;
  answer: (given: boolean) => void;
}

/** Asks for an API key whenever the service wants one: `ask` waits for the answer. */
export function KeyDialog() {
  const [question, setQuestion] = useState<Question | null>(null);
  useEffect(() => {
    promptForKeyWith((reason) => new Promise((answer) => setQuestion({ reason, answer })));
    return () => promptForKeyWith(null);
  }, []);
  if (!question) return null;
  const close = (given: boolean) => {
    question.answer(given);
    setQuestion(null);
  };
  return <AskForKey reason={question.reason} close={close} />;
}

function AskForKey({
  reason,
  close,
}: {
  reason: ServiceError | null;
  close: (given: boolean) => void;
}) {
  const [value, setValue] = useState("");
  const take = (key: string | null) => {
    apiKey.set(key);
    close(true);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    take(value.trim());
  };
  return (
    <Dialog title={text.key.title} onClose={() => close(false)}>
      <form class="stack" onSubmit={submit}>
        {reason && (
          <p role="alert">
            <strong>{reason.message}</strong> {reason.hint}
          </p>
        )}
        <p>{text.key.about}</p>
        <label class="field">
          {text.key.label}
          <input
            type="password"
            autocomplete="off"
            required
            data-first
            value={value}
            onInput={(event) => setValue(event.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="button" onClick={() => close(false)}>
            {text.cancel}
          </button>
          {apiKey.get() && (
            <button type="button" onClick={() => take(null)}>
              {text.key.forget}
            </button>
          )}
          <button class="primary">{text.key.use}</button>
        </div>
      </form>
    </Dialog>
  );
}
