/** Results as files: on a background, enlarged, with the settings inside. */
import type { Picture } from "../engines/fit";
import { text } from "../text";
import { canvasOf } from "../ui/canvas";
import { AS_DRAWN, onBackground, type Background } from "./background";
import { encodeGif } from "./gif";
import { encodeSession } from "./link";
import { pngWithText, webpWithText } from "./metadata";
import { FileError } from "./pictures";
import type { LookInput, PictureInput, Session } from "./session";

export interface Output {
  background: Background;
  /** Times the model's size. */
  scale: number;
  /** Enlarged pixels are squares. */
  sharp: boolean;
  format: "png" | "webp";
}

export const DEFAULT_OUTPUT: Output = { background: AS_DRAWN, scale: 4, sharp: false, format: "png" };
export const SCALES = [1, 2, 4, 8] as const;

/** A picture, or several in rows of `columns`, as a file. */
export async function pictureFile(
  pictures: readonly Picture[],
  columns: number,
  output: Output,
  settings: object,
): Promise<Blob> {
  const canvas = sheet(pictures.map((each) => enlarged(each, output)), columns);
  const { width, height } = canvas;
  const type = `image/${output.format}`;
  const blob = await canvas.convertToBlob({ type, quality: 1 }); // 1: WebP without loss
  if (blob.type !== type) {
    throw new FileError(text.editor.output.webpFailed, text.editor.output.webpFailedHint);
  }
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const words = JSON.stringify(settings);
  const whole =
    output.format === "png"
      ? pngWithText(bytes, words)
      : webpWithText(bytes, { width, height, text: words });
  return new Blob([whole], { type });
}

/** Pictures one after the other, as a GIF. */
export function gifFile(frames: readonly Picture[], output: Output, perSecond: number): Blob {
  const drawn = frames.map((each) => {
    const canvas = enlarged(each, output);
    return canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
  });
  return new Blob([encodeGif(drawn, 1000 / perSecond)], { type: "image/gif" });
}

/** What a file says of how it came about: enough to do it again, and no name of a file. */
export async function settingsOf(
  session: Session,
  made: { milliseconds?: number; place: string; means: string },
  output: Output,
): Promise<object> {
  const { model, pose, looks, share } = session;
  return {
    software: "funit",
    model,
    pose: pose && settingOf(pose),
    looks: looks.map(lookSetting),
    ...(looks.length === 2 ? { share } : {}),
    background: output.background.kind === "color" ? output.background.color : output.background.kind,
    ...made,
    time: new Date().toISOString(),
    session: await encodeSession(nameless(session), async () => null),
  };
}

/** On its background, enlarged. */
export function enlarged(picture: Picture, { background, scale, sharp }: Output): OffscreenCanvas {
  const from = canvasOf(onBackground(picture, background));
  const canvas = new OffscreenCanvas(from.width * scale, from.height * scale);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingEnabled = !sharp;
  context.imageSmoothingQuality = "high";
  context.drawImage(from, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function sheet(cells: readonly OffscreenCanvas[], columns: number): OffscreenCanvas {
  const { width, height } = cells[0]!;
  const perRow = Math.min(columns, cells.length);
  const canvas = new OffscreenCanvas(width * perRow, height * Math.ceil(cells.length / perRow));
  const context = canvas.getContext("2d")!;
  cells.forEach((cell, n) =>
    context.drawImage(cell, (n % perRow) * width, Math.floor(n / perRow) * height),
  );
  return canvas;
}

function settingOf(input: PictureInput | { kind: "gallery"; name: string }): object {
  if (input.kind === "gallery") return { gallery: input.name };
  return { sha256: input.sha, crop: input.crop };
}

function lookSetting(look: LookInput): object {
  if (look.kind === "gallery") return settingOf(look);
  if (look.kind === "saved") return { saved: look.id };
  return { examples: look.examples.map((each) => ({ ...settingOf(each), weight: each.weight })) };
}

function nameless(session: Session): Session {
  const { pose, looks } = session;
  const [first, second] = looks.map((look) =>
    look.kind === "examples"
      ? { ...look, examples: look.examples.map((each) => ({ ...each, name: each.sha.slice(0, 8) })) }
      : look,
  );
  return {
    ...session,
    pose: pose?.kind === "picture" ? { ...pose, name: pose.sha.slice(0, 8) } : pose,
    looks: second ? [first!, second] : [first!],
  };
}
