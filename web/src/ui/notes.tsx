import type { ComponentChildren } from "preact";
import { promptForKey, ServiceError } from "../api/client";
import { text } from "../text";

/** An error, and what to do about it: where the key is not enough, another one. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const [message, hint] = told(error);
  const refused = error instanceof ServiceError && [401, 403].includes(error.status) ? error : null;
  const useAnother = async () => {
    if (await promptForKey(refused)) onRetry?.();
  };
  return (
    <div class="note error" role="alert">
      <p>
        <strong>
          <Words>{message}</Words>
        </strong>{" "}
        <Words>{hint}</Words>
      </p>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          {text.again}
        </button>
      )}
      {refused && (
        <button type="button" onClick={useAnother}>
          {text.key.other}
        </button>
      )}
    </div>
  );
}

/** Words in which commands, paths and names stand in backticks, as the service writes them. */
export function Words({ children }: { children: string }) {
  return <>{children.split("`").map((part, n) => (n % 2 ? <code>{part}</code> : part))}</>;
}

/** What stands where nothing is yet: why, and what to do. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="note empty">{children}</div>;
}

function told(error: unknown): [string, string] {
  if (error instanceof Error && "hint" in error) return [error.message, String(error.hint)];
  if (isOutOfMemory(error)) return [text.errors.memory, text.errors.memoryHint];
  return [text.errors.unexpected, error instanceof Error ? error.message : String(error)];
}

/** As browsers and wasm say it: there is no error of its own for it. */
function isOutOfMemory(error: unknown): boolean {
  const words = error instanceof Error ? `${error.name} ${error.message}` : String(error);
  return /out of memory|bad_alloc|allocat|QuotaExceeded/i.test(words);
}
