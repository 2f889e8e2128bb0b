import { useEffect, useState } from "preact/hooks";

export type Promised<T> =
  | { state: "waiting" }
  | { state: "done"; value: T }
  | { state: "failed"; error: unknown };

/** What a promise gives; `inputs` say when it is asked for anew. The value before stays meanwhile. */
export function usePromise<T>(ask: () => Promise<T>, inputs: readonly unknown[]): Promised<T> {
  const [found, setFound] = useState<Promised<T>>({ state: "waiting" });
  useEffect(() => {
    let isCurrent = true;
    ask().then(
      (value) => isCurrent && setFound({ state: "done", value }),
      (error) => isCurrent && setFound({ state: "failed", error }),
    );
    return () => void (isCurrent = false);
  }, inputs);
  return found;
}
