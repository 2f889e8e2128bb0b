import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { text } from "../text";
import { Dialog } from "./dialog";
import { ErrorNote } from "./notes";

interface Props {
  title: string;
  children: ComponentChildren;
  /** What is going to happen, in the words of the button. */
  action: string;
  /** What happens otherwise. */
  keep?: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

/** Asks before what cannot be undone; it stays open, and says why, where that fails. */
export function Confirm({ title, children, action, keep, onConfirm, onClose }: Props) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{children}</p>
      {error !== null && <ErrorNote error={error} />}
      <div class="actions">
        <button data-first onClick={onClose}>
          {keep ?? text.cancel}
        </button>
        <button class="danger" onClick={confirm} disabled={isBusy}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
