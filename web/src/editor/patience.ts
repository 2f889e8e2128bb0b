import { ServiceError } from "../api/client";

/** What is asked, as often as the service says when to come again. */
export async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ServiceError) || error.retryAfter === null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * error.retryAfter!));
      signal.throwIfAborted();
    }
  }
}
