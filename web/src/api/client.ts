import { text } from "../text";

/** What the service answers to a mistake, or what keeps it from answering. */
export class ServiceError extends Error {
  constructor(
    message: string,
    readonly hint: string,
    /** HTTP's; 0: there was no answer. */
    readonly status: number,
    /** After so many seconds it is worth asking again. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

const KEY = "funit-key";
const watchers = new Set<() => void>();

/** The API key that is sent with every request; none by default. Kept in this browser tab. */
export const apiKey = {
  get: (): string | null => sessionStorage.getItem(KEY),
  set(key: string | null): void {
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
    for (const watcher of watchers) watcher();
  },
  /** Calls back when it changes; gives what ends that. */
  watch(watcher: () => void): () => void {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
};

/** Asks a person for a key, and why; resolves to whether one was given. */
type Prompt = (reason: ServiceError | null) => Promise<boolean>;
let prompt: Prompt | null = null;
let asked: Promise<boolean> | null = null;

/** Who asks people for a key: the page's `<KeyDialog>`. */
export function promptForKeyWith(by: Prompt | null): void {
  prompt = by;
}

/** Asks for a key, once for all requests that wait for one; resolves to whether it was given. */
export function promptForKey(reason: ServiceError | null): Promise<boolean> {
  if (!prompt) return Promise.resolve(false);
  asked ??= prompt(reason).finally(() => (asked = null));
  return asked;
}

/**
 * Asks the service. Throws ServiceError, or an AbortError.
 *
 * Where a key is needed, a person is asked for it, and the request is sent again.
 */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const key = apiKey.get();
    const response = await send(path, init, key);
    if (response.ok) return response;
    const error = await refused(response);
    if (error.status !== 401) throw error;
    if (apiKey.get() === key && !(await promptForKey(error))) throw error;
  }
}

async function send(path: string, init: RequestInit, key: string | null): Promise<Response> {
  const headers = new Headers(init.headers);
  if (key) headers.set("Authorization", `Bearer ${key}`);
  try {
    return await fetch(path, { ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ServiceError(text.errors.away, text.errors.awayHint, 0);
  }
}

/** The JSON of an answer. `T` is what its route's schema says. */
export async function askJson<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await ask(path, init)).json()) as T;
}

async function refused(response: Response): Promise<ServiceError> {
  return refusal(response.status, await response.text(), response.headers.get("Retry-After"));
}

/** The error in an answer: its status, its body, and its header `Retry-After`. */
export function refusal(status: number, body: string, retryAfter: string | null): ServiceError {
  const { error, hint } = parsed(body);
  const after = Number(retryAfter);
  return new ServiceError(
    error ?? text.errors.unexpected,
    hint ?? `HTTP ${status}`,
    status,
    after > 0 ? after : null,
  );
}

function parsed(body: string): { error?: string; hint?: string } {
  try {
    return JSON.parse(body);
  } catch {
    return {}; // of a proxy in between
  }
}
