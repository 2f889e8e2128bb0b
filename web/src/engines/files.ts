import { ask } from "../api/client";
import { text } from "../text";
import { DeviceError } from "./device_error";
import { type ModelFile, versionPath } from "./model";

const CACHE = "funit-models";

/** Bytes so far, and in all. */
export type OnProgress = (loaded: number, total: number) => void;

/** The files of a version by their names; what was loaded before comes from the browser's cache. */
export async function loadFiles(
  model: string,
  files: ModelFile[],
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<Record<string, ArrayBuffer>> {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const loaded = new Map<string, number>();
  const progressOf = (file: ModelFile) => (bytes: number) => {
    loaded.set(file.name, bytes);
    onProgress(
      [...loaded.values()].reduce((sum, each) => sum + each, 0),
      total,
    );
  };
  const contents = await Promise.all(
    files.map(async (file) => {
      const kept = await fromCache(file);
      if (kept) progressOf(file)(file.size);
      return [file.name, kept ?? (await download(model, file, signal, progressOf(file)))] as const;
    }),
  );
  return Object.fromEntries(contents);
}

async function download(
  model: string,
  file: ModelFile,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<ArrayBuffer> {
  const path = `${versionPath(model)}/files/${encodeURIComponent(file.name)}`;
  const response = await ask(path, { signal, cache: "no-store" }); // it is kept in the other cache
  const content = new Uint8Array(file.size);
  let length = 0;
  for (const reader = response.body!.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    if (length + value.length > file.size) throw damaged(file);
    content.set(value, length);
    length += value.length;
    onBytes(length);
  }
  if (length < file.size || !(await isWhole(content, file))) throw damaged(file);
  await keep(file, content);
  return content.buffer;
}

async function isWhole(content: Uint8Array<ArrayBuffer>, file: ModelFile): Promise<boolean> {
  if (!isSecureContext) return true; // a browser has no hashes there
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") === file.sha256;
}

function damaged(file: ModelFile): DeviceError {
  return new DeviceError(text.device.damaged(file.name), text.device.damagedHint);
}

// ------------------------------------------------------------------ the cache

/** Addresses that nobody answers: files are found by what is in them, whatever model they are of. */
const address = (file: ModelFile): string => `/models/${file.sha256}`;

async function fromCache(file: ModelFile): Promise<ArrayBuffer | null> {
  if (!("caches" in globalThis)) return null; // not on a secure address
  try {
    const found = await (await caches.open(CACHE)).match(address(file));
    const content = await found?.arrayBuffer();
    return content?.byteLength === file.size ? content : null;
  } catch {
    return null; // a browser that keeps nothing, as in private windows
  }
}

async function keep(file: ModelFile, content: Uint8Array<ArrayBuffer>): Promise<void> {
  if (!("caches" in globalThis)) return;
  try {
    await (await caches.open(CACHE)).put(address(file), new Response(content));
  } catch {
    await caches.delete(CACHE).catch(() => false); // it is full: of models that are not used any more
  }
}
