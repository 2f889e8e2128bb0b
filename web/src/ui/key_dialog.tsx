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
  answer: (isGiven: boolean) => void;
}

/** Asks for an API key whenever the service wants one: `ask` waits for the answer. */
export function KeyDialog() {
  const [question, setQuestion] = useState<Question | null>(null);
  useEffect(() => {
    promptForKeyWith(
      (reason) => new Promise((answer) => setQuestion({ reason, answer })),
    );
    return () => promptForKeyWith(null);
  }, []);
  if (!question) return null;
  const close = (isGiven: boolean) => {
    setQuestion(null);
    question.answer(isGiven);
  };
  return <Asking reason={question.reason} onClose={close} />;
}

function Asking({
  reason,
  onClose,
}: {
  reason: ServiceError | null;
  onClose: (isGiven: boolean) => void;
}) {
  const [value, setValue] = useState("");
  const use = (event: Event) => {
    event.preventDefault();
    apiKey.set(value.trim());
    onClose(true);
  };
  const forget = () => {
    apiKey.set(null);
    onClose(true);
  };
  return (
    <Dialog title={text.key.title} onClose={() => onClose(false)}>
      <form class="stack" onSubmit={use}>
        {reason && (
          <p role="alert">
            <strong>{reason.message}</strong> {reason.hint}
          </p>
        )}
        <p>{text.key.why}</p>
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
          {apiKey.get() && (
            <button type="button" onClick={forget}>
              {text.key.forget}
            </button>
          )}
          <button type="button" onClick={() => onClose(false)}>
            {text.cancel}
          </button>
          <button class="primary">{text.key.use}</button>
        </div>
      </form>
    </Dialog>
  );
}
