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
  useEffect(() => {
    void all("history").then((kept) => setEntries(kept.toSorted((a, b) => b.id - a.id)));
  }, []);
  useEffect(() => {
    if (!result) return;
    const add = async () => {
      setEntries(await added(result));
      const others = (await all("open")).map(({ session }) => session); // of another tab
      await dropUnused([...open.current, ...others]);
    };
    const timer = setTimeout(() => void add(), SETTLED);
    return () => clearTimeout(timer);
  }, [result]);
  return {
    entries,
    remove: (id) => {
      setEntries((before) => before.filter((each) => each.id !== id));
      void remove("history", id);
    },
    clear: () => {
      for (const { id } of entries) void remove("history", id);
      setEntries([]);
    },
  };
}

/** A result that was there before comes to the front. */
async function added({ session, pixels }: Result): Promise<readonly HistoryEntry[]> {
  const time = Date.now();
  const entry = { id: time, time, session, result: await pngOf(pixels) };
  const before = (await all("history")).toSorted((a, b) => b.id - a.id);
  const rest = before.filter((each) => !isSame(each.session, session));
  const entries = [entry, ...rest].slice(0, MOST_HISTORY);
  await keep("history", entry);
  const stays = new Set(entries.map(({ id }) => id));
  for (const { id } of before) if (!stays.has(id)) await remove("history", id);
  return entries;
}
