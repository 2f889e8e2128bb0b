import { useEffect, useRef, useState } from "preact/hooks";
import { pngOf } from "../ui/canvas";
import { isSame, type Session } from "./session";
import { all, dropUnused, keep, MOST_HISTORY, remove, type HistoryEntry } from "./storage";
import type { Result } from "./use_translation";

const SETTLED = 800; // milliseconds that a result has to stay before it is history

export interface History {
  /** The newest first. */
  entries: readonly HistoryEntry[];
  remove: (id: number) => void;
  clear: () => void;
}

/**
 * The results that stayed a while, kept in this browser; the oldest make room. `sessions` are those that an
 * undo may bring back: their pictures stay.
 */
export function useHistory(result: Result | null, sessions: readonly Session[]): History {
  const open = useRef(sessions);
  open.current = sessions;
  const [entries, setEntries] = useState<readonly HistoryEntry[]>([]);
  const last = useRef(Promise.resolve());
  /** One change after the other; what is shown is what is kept. */
  const changed = (change: () => Promise<void>) => {
    const done = last.current.then(change).then(async () => setEntries(await newestFirst()));
    last.current = done.catch(reportError); // the next change is made all the same
  };
  useEffect(() => changed(async () => {}), []);
  useEffect(() => {
    if (!result) return;
    const add = async () => {
      await keepResult(result);
      const others = (await all("open")).map(({ session }) => session); // of another tab
      await dropUnused([...open.current, ...others]);
    };
    const timer = setTimeout(() => changed(add), SETTLED);
    return () => clearTimeout(timer);
  }, [result]);
  return {
    entries,
    remove: (id) => changed(() => remove("history", id)),
    clear: () =>
      changed(async () => {
        for (const { id } of await all("history")) await remove("history", id);
      }),
  };
}

async function newestFirst(): Promise<HistoryEntry[]> {
  return (await all("history")).toSorted((a, b) => b.id - a.id);
}

/** A result that was there before comes to the front. */
async function keepResult({ session, pixels }: Result): Promise<void> {
  const time = Date.now();
  const before = await newestFirst();
  await keep("history", { id: time, time, session, result: await pngOf(pixels) });
  const others = before.filter((each) => !isSame(each.session, session));
  const stays = new Set(others.slice(0, MOST_HISTORY - 1).map(({ id }) => id));
  for (const { id } of before) if (!stays.has(id)) await remove("history", id);
}
