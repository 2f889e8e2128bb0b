import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { showOwnKey } from "../api/keys";
import { text } from "../text";
import { useApiKey } from "../ui/key_dialog";
import { ErrorNote } from "../ui/notes";

/** Something of the service: there, on its way, or refused. */
export interface Loaded<T> {
  value: T | null;
  error: unknown;
  /** Asks again; what is there stays until the answer comes. */
  reload: () => void;
}

/** Asks the service for what `keys` say, and again when they change. */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  keys: readonly unknown[],
): Loaded<T> {
  const asked = JSON.stringify(keys);
  const [state, setState] = useState<Answer<T>>({ ...NOTHING, of: asked });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const end = new AbortController();
    load(end.signal).then(
      (value) => end.signal.aborted || setState({ of: asked, value, error: null }),
      (error) =>
        end.signal.aborted ||
        setState(({ of, value }) => ({ of: asked, value: of === asked ? value : null, error })),
    );
    return () => end.abort();
  }, [asked, turn]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const { value, error } = state.of === asked ? state : NOTHING; // else it is of something else
  return { value, error, reload };
}

interface Answer<T> {
  of: string;
  value: T | null;
  error: unknown;
}
const NOTHING = { value: null, error: null };

/** What came, or the error in its place. */
export function Loading<T>({
  of: { value, error, reload },
  children,
}: {
  of: Loaded<T>;
  children: (value: T) => ComponentChildren;
}) {
  return (
    <>
      {error !== null && <ErrorNote error={error} onRetry={reload} />}
      {value !== null ? children(value) : error === null && <p role="status">{text.loading}</p>}
    </>
  );
}

/**
 * Asks again some time after each answer, while the page is looked at; never twice at once, so that a
 * slow service can answer, and not after an error, which has a button for that.
 */
export function usePolling(loaded: Loaded<unknown>, milliseconds: number, isOn: boolean): void {
  const { value, error, reload } = loaded;
  useEffect(() => {
    if (!isOn || error !== null) return;
    const timer = setInterval(() => {
      if (document.hidden) return;
      clearInterval(timer);
      reload();
    }, milliseconds);
    return () => clearInterval(timer);
  }, [value, error, isOn, milliseconds]);
}

/** Whether the key of this tab may change models. */
export function useMayAdminister(): boolean {
  const own = useLoaded(showOwnKey, [useApiKey()]);
  return own.value?.scopes.includes("admin") ?? false;
}

/** Does what a button asks for; says whether it is at it, and what went wrong. */
export function useAction(): {
  isBusy: boolean;
  error: unknown;
  run: (action: () => Promise<unknown>) => Promise<void>;
} {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = useCallback(async (action: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await action();
    } catch (reason) {
      if (!(reason instanceof DOMException && reason.name === "AbortError")) setError(reason);
    } finally {
      setBusy(false);
    }
  }, []);
  return { isBusy, error, run };
}
