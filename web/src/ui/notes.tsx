import type { ComponentChildren } from "preact";
import { ServiceError } from "../api/client";
import { DeviceError } from "../engines/device_error";
import { text } from "../text";

/** An error, and what to do about it. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const [message, hint] = told(error);
  return (
    <div class="note error" role="alert">
      <strong>{message}</strong> {hint && <span>{hint}</span>}
      {onRetry && <button onClick={onRetry}>{text.again}</button>}
    </div>
  );
}

/** What stands where nothing is yet: why, and what to do. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="note empty">{children}</div>;
}

function told(error: unknown): [string, string] {
  if (error instanceof ServiceError || error instanceof DeviceError) return [error.message, error.hint];
  return [text.errors.unexpected, error instanceof Error ? error.message : String(error)];
}
