import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { text } from "../text";
import { ErrorNote } from "./notes";

interface Props {
  title: string;
  children: ComponentChildren;
  /** What is going to happen, in the words of the button. */
  action: string;
  keep?: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

/** Asks before what cannot be undone; it stays open, and says why, where that fails. */
export function Confirm({ title, children, action, keep, onConfirm, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => dialog.current?.showModal(), []);

  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
      dialog.current?.close();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} class="ask" aria-labelledby="confirm-title" onClose={onClose}>
      <h2 id="confirm-title">{title}</h2>
      <p>{children}</p>
      {error !== null && <ErrorNote error={error} />}
      <div class="buttons">
        <button class="danger" onClick={confirm} disabled={isBusy}>
          {action}
        </button>
        <button onClick={() => dialog.current?.close()}>{keep ?? text.library.cancel}</button>
      </div>
    </dialog>
  );
}
