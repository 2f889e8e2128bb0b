/**
 * What this browser remembers: the pictures that were put in, how each was cropped, the history, and what
 * was open last. It never leaves the browser. What cannot be kept (in a private window, or for want of room)
 * is forgotten with the page.
 */
import type { Crop } from "./crop";
import { picturesOf, type Session } from "./session";

export interface KeptPicture {
  sha: string;
  name: string;
  file: Blob;
  /** When it was put in last, in milliseconds since 1970. */
  time: number;
}

export interface HistoryEntry {
  id: number;
  /** Milliseconds since 1970. */
  time: number;
  session: Session;
  /** The result as PNG. */
  result: Blob;
}

interface Stores {
  pictures: KeptPicture;
  crops: { sha: string; crop: Crop };
  history: HistoryEntry;
  open: { key: "session"; session: Session };
}

type StoreName = keyof Stores;
const KEYS: Record<StoreName, string> = { pictures: "sha", crops: "sha", history: "id", open: "key" };
const NAME = "funit-editor";

export const MOST_HISTORY = 60;
const MOMENT = 60_000; // milliseconds from a picture that is put in to the session that has it, at the most

let opened: Promise<IDBDatabase | null> | null = null;

/** null: this browser keeps nothing. */
function database(): Promise<IDBDatabase | null> {
  opened ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        for (const [store, keyPath] of Object.entries(KEYS)) {
          request.result.createObjectStore(store, { keyPath });
        }
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opened;
}

/** The answer of one request on one store; undefined where nothing is kept. */
async function asked<T>(
  name: StoreName,
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T | undefined> {
  const db = await database();
  if (!db) return undefined;
  return new Promise((resolve) => {
    try {
      const transaction = db.transaction(name, mode);
      const request = ask(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => resolve(undefined); // no room: what is kept stays as it is
    } catch {
      resolve(undefined);
    }
  });
}

/** What the browser does not keep, as long as the page is open. */
const unkept = new Map<string, unknown>();

export async function keep<S extends StoreName>(store: S, value: Stores[S]): Promise<void> {
  const key = await asked(store, "readwrite", (each) => each.put(value));
  if (key === undefined) unkept.set(`${store} ${value[KEYS[store] as keyof Stores[S]]}`, value);
}

export async function find<S extends StoreName>(
  store: S,
  key: string,
): Promise<Stores[S] | undefined> {
  const kept = await asked(store, "readonly", (each) => each.get(key));
  return kept ?? (unkept.get(`${store} ${key}`) as Stores[S] | undefined);
}

export async function all<S extends StoreName>(store: S): Promise<Stores[S][]> {
  const kept = (await asked(store, "readonly", (s) => s.getAll() as IDBRequest<Stores[S][]>)) ?? [];
  const others = [...unkept].filter(([key]) => key.startsWith(`${store} `));
  return [...kept, ...others.map(([, value]) => value as Stores[S])];
}

export async function remove(store: StoreName, key: string | number): Promise<void> {
  unkept.delete(`${store} ${key}`);
  await asked(store, "readwrite", (each) => each.delete(key));
}

/**
 * Removes the pictures that neither the history nor these sessions have. One that was put in a moment ago
 * stays: its session is not known yet.
 */
export async function dropUnused(sessions: readonly Session[]): Promise<void> {
  const history = await all("history");
  const used = new Set(
    [...sessions, ...history.map(({ session }) => session)]
      .flatMap(picturesOf)
      .map(({ sha }) => sha),
  );
  const latest = Date.now() - MOMENT;
  await asked("pictures", "readwrite", (store) => {
    const each = store.openCursor();
    each.onsuccess = () => {
      const cursor = each.result;
      if (!cursor) return;
      const { sha, time } = cursor.value as KeptPicture;
      if (!used.has(sha) && time < latest) cursor.delete();
      cursor.continue();
    };
    return each;
  });
}
