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

/** The API key that is sent with every request; none by default. Kept in this browser tab. */
export const apiKey = {
  get: (): string | null => sessionStorage.getItem(KEY),
  set: (key: string | null): void =>
    key ? sessionStorage.setItem(KEY, key) : sessionStorage.removeItem(KEY),
};

/** Asks the service. Throws ServiceError, or an AbortError. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = apiKey.get();
  if (key) headers.set("Authorization", `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ServiceError(text.errors.away, text.errors.awayHint, 0);
  }
  if (!response.ok) throw await refused(response);
  return response;
}

/** The JSON of an answer. `T` is what its route's schema says. */
export async function askJson<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await ask(path, init)).json()) as T;
}

async function refused(response: Response): Promise<ServiceError> {
  const body: { error?: string; hint?: string } = await response.json().catch(() => ({}));
  const after = Number(response.headers.get("Retry-After"));
  return new ServiceError(
    body.error ?? text.errors.unexpected,
    body.hint ?? `HTTP ${response.status}`,
    response.status,
    after > 0 ? after : null,
  );
}
