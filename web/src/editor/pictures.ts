/** The person's own pictures: read, known by the SHA-256 of their files, cropped. */
import { text } from "../text";
import { imageData, pngOf } from "../ui/canvas";
import { cut, WHOLE, type Crop } from "./crop";
import { picture, type PictureInput } from "./session";
import { find, keep } from "./storage";

export const MOST_BYTES = 40 * 2 ** 20;
export const MOST_PIXELS = 64_000_000;
const LONGEST = 1536; // pixels of a side that are kept: models see a few hundred
const MOST_CROPPED = 16;

/** What is wrong with a file, and what to do about it. */
export class FileError extends Error {
  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

const decoded = new Map<string, Promise<ImageData | null>>();
const cropped = new Map<string, ImageData>();

/** Takes a file in; the crop is the one that it had last. Throws FileError. */
export async function addPicture(file: File): Promise<PictureInput> {
  const name = file.name || text.editor.unnamed;
  if (file.size > MOST_BYTES) {
    throw new FileError(text.editor.files.tooLarge(name), text.editor.files.tooLargeHint);
  }
  const sha = await sha256(file);
  const pixels = await decode(file, name);
  decoded.set(sha, Promise.resolve(pixels));
  await keep("pictures", { sha, name, file: await kept(file, pixels), time: Date.now() });
  return picture(sha, name, (await find("crops", sha))?.crop ?? WHOLE);
}

/** Remembers how a picture was cropped, for when it is put in again. */
export function rememberCrop(sha: string, crop: Crop): void {
  void keep("crops", { sha, crop });
}

/** The whole picture; null: it is not in this browser. */
export function pixelsOf(sha: string): Promise<ImageData | null> {
  let found = decoded.get(sha);
  if (!found) {
    found = find("pictures", sha).then((kept) => (kept ? decode(kept.file, kept.name) : null));
    decoded.set(sha, found);
    void found.then((pixels) => pixels ?? decoded.delete(sha)); // it may be added yet
  }
  return found;
}

/** What the model gets of a picture; null: it is not in this browser. */
export async function croppedPixels({ sha, crop }: PictureInput): Promise<ImageData | null> {
  const key = `${sha} ${JSON.stringify(crop)}`;
  const known = cropped.get(key);
  if (known) return known;
  const whole = await pixelsOf(sha);
  if (!whole) return null;
  const pixels = imageData(cut(whole, crop));
  cropped.set(key, pixels);
  if (cropped.size > MOST_CROPPED) cropped.delete(cropped.keys().next().value!);
  return pixels;
}

/** Decoded pictures that are in no session any more leave the memory. */
export function forgetPictures(used: ReadonlySet<string>): void {
  for (const sha of decoded.keys()) if (!used.has(sha)) decoded.delete(sha);
}

export async function sha256(file: Blob): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The pixels of a picture file, upright; larger ones smaller. Throws FileError. */
async function decode(file: Blob, name: string): Promise<ImageData> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, {
      premultiplyAlpha: "none",
      colorSpaceConversion: "none",
    });
  } catch {
    throw new FileError(text.editor.files.unreadable(name), text.editor.files.unreadableHint);
  }
  const { width, height } = bitmap;
  try {
    if (width * height > MOST_PIXELS) {
      throw new FileError(text.editor.files.tooLarge(name), text.editor.files.tooLargeHint);
    }
    const scale = Math.min(1, LONGEST / Math.max(width, height));
    const size = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = new OffscreenCanvas(size[0]!, size[1]!);
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  } finally {
    bitmap.close();
  }
}

/** What is kept of a file: itself, or its pixels where it has many more than are used. */
async function kept(file: File, pixels: ImageData): Promise<Blob> {
  const isSmall = Math.max(pixels.width, pixels.height) < LONGEST && file.size < 4 * 2 ** 20;
  return isSmall ? file : pngOf(pixels);
}
