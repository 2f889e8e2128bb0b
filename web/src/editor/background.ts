/** The plain background of what a model draws: found, taken away, replaced. */
import type { Picture } from "../engines/fit";

/** Red, green, blue, opacity in 0..255. */
export type Rgba = readonly [number, number, number, number];

export interface Background {
  kind: "drawn" | "transparent" | "color";
  /** `#rrggbb`, for `color`. */
  color: string;
  /** A pixel belongs to the background as long as no channel differs by more; 0..255. */
  tolerance: number;
}

export const AS_DRAWN: Background = { kind: "drawn", color: "#ffffff", tolerance: 24 };

const SOFT = 2; // pixels of an outline through which the background shines

/** The median colour of the picture's edge. */
export function borderColor({ width, height, data }: Picture): Rgba {
  const channels: number[][] = [[], [], [], []];
  for (const pixel of border(width, height)) {
    for (let c = 0; c < 4; c++) channels[c]!.push(data[4 * pixel + c]!);
  }
  const [red, green, blue, alpha] = channels.map((values) => {
    values.sort((a, b) => a - b);
    return values[values.length >> 1]!;
  });
  return [red!, green!, blue!, alpha!];
}

/** 1 where the picture's edge is reached over pixels of its colour. */
export function backgroundMask(picture: Picture, tolerance: number): Uint8Array {
  const { width, height } = picture;
  const color = borderColor(picture);
  const mask = new Uint8Array(width * height);
  const open: number[] = [];
  const visit = (pixel: number) => {
    if (mask[pixel] || difference(picture, pixel, color) > tolerance) return;
    mask[pixel] = 1;
    open.push(pixel);
  };
  for (const pixel of border(width, height)) visit(pixel);
  for (let pixel = open.pop(); pixel !== undefined; pixel = open.pop()) {
    const x = pixel % width;
    if (x > 0) visit(pixel - 1);
    if (x < width - 1) visit(pixel + 1);
    if (pixel >= width) visit(pixel - width);
    if (pixel < width * (height - 1)) visit(pixel + width);
  }
  return mask;
}

/** The picture on the background that is wanted. */
export function onBackground(picture: Picture, background: Background): Picture {
  if (background.kind === "drawn") return picture;
  const cut = cutOut(picture, background.tolerance);
  if (background.kind === "color") lay(cut, rgb(background.color));
  return cut;
}

/** The smallest box, in pixels, around all that is not background; null where nothing is. */
export function subjectBox(
  picture: Picture,
  tolerance: number,
): { left: number; top: number; right: number; bottom: number } | null {
  const { width, height } = picture;
  const mask = backgroundMask(picture, tolerance);
  const box = { left: width, top: height, right: 0, bottom: 0 };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (mask[y * width + x]) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    }
  }
  return box.right ? box : null;
}

/** `#rrggbb` as numbers. */
export function rgb(color: string): [number, number, number] {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Without its background; where that shines through an outline, it is taken out of the colour. */
function cutOut(picture: Picture, tolerance: number): Picture {
  const { width, height } = picture;
  const mask = backgroundMask(picture, tolerance);
  const near = grown(mask, width, height, SOFT);
  const color = borderColor(picture);
  const data = new Uint8ClampedArray(picture.data);
  for (let pixel = 0; pixel < mask.length; pixel++) {
    if (!near[pixel]) continue;
    const share = mask[pixel] ? 0 : opacity(difference(picture, pixel, color), tolerance);
    for (let c = 0; c < 3; c++) {
      const at = 4 * pixel + c;
      data[at] = share > 0 ? (data[at]! - (1 - share) * color[c]!) / share : 0;
    }
    data[4 * pixel + 3] = data[4 * pixel + 3]! * share;
  }
  return { width, height, data };
}

/** How much of a pixel at the outline is not background, by how much it differs from it. */
function opacity(difference: number, tolerance: number): number {
  return Math.min(1, difference / Math.max(1, 3 * tolerance));
}

function lay({ data }: Picture, color: readonly [number, number, number]): void {
  for (let at = 0; at < data.length; at += 4) {
    const share = data[at + 3]! / 255;
    for (let c = 0; c < 3; c++) data[at + c] = data[at + c]! * share + color[c]! * (1 - share);
    data[at + 3] = 255;
  }
}

/** A mask that reaches so many pixels further. */
function grown(mask: Uint8Array, width: number, height: number, by: number): Uint8Array {
  let from = mask;
  for (let n = 0; n < by; n++) {
    const to = Uint8Array.from(from);
    for (let pixel = 0; pixel < from.length; pixel++) {
      if (!from[pixel]) continue;
      const x = pixel % width;
      if (x > 0) to[pixel - 1] = 1;
      if (x < width - 1) to[pixel + 1] = 1;
      if (pixel >= width) to[pixel - width] = 1;
      if (pixel < width * (height - 1)) to[pixel + width] = 1;
    }
    from = to;
  }
  return from;
}

/** Of a pixel from a colour, in the channel that differs most; transparent ones are all alike. */
function difference({ data }: Picture, pixel: number, color: Rgba): number {
  if (data[4 * pixel + 3] === 0 && color[3] === 0) return 0;
  let most = 0;
  for (let c = 0; c < 4; c++) most = Math.max(most, Math.abs(data[4 * pixel + c]! - color[c]!));
  return most;
}

function* border(width: number, height: number): Generator<number> {
  for (let x = 0; x < width; x++) {
    yield x;
    yield (height - 1) * width + x;
  }
  for (let y = 1; y < height - 1; y++) {
    yield y * width;
    yield y * width + width - 1;
  }
}
