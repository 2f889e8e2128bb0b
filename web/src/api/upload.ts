import { apiKey, promptForKey, refusal, ServiceError } from "./client";
import { text } from "../text";

/** How much of an upload has been sent, in bytes. */
export interface Sent {
  bytes: number;
  total: number;
}

/**
 * Posts a form and tells how far it is, which `fetch` cannot; gives the JSON of the answer.
 * Throws ServiceError; aborting the signal breaks it off with an AbortError.
 */
export async function upload<T>(
  path: string,
  form: FormData,
  onProgress: (sent: Sent) => void,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    const key = apiKey.get();
    try {
      return await post<T>(path, form, key, onProgress, signal);
    } catch (error) {
      if (!(error instanceof ServiceError && error.status === 401)) throw error;
      if (apiKey.get() === key && !(await promptForKey(error))) throw error;
    }
  }
}

function post<T>(
  path: string,
  form: FormData,
  key: string | null,
  onProgress: (sent: Sent) => void,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
    request.upload.onprogress = ({ loaded, total }) => onProgress({ bytes: loaded, total });
    request.onload = () => {
      const { status, responseText } = request;
      if (status < 300) resolve(JSON.parse(responseText) as T);
      else reject(refusal(status, responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new ServiceError(text.errors.away, text.errors.awayHint, 0));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) request.onabort(new ProgressEvent("abort"));
    else request.send(form);
  });
}
