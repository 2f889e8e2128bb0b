/**
 * What part of a picture is used: a square, after the picture was mirrored and turned. The model sees
 * squares, and most bad results come from loose ones.
 */
import type { Picture } from "../engines/fit";
import { borderColor, type Rgba } from "./background";

export interface Crop {
  /** Quarter turns, clockwise, of the picture. */
  turns: number;
  /** Left and right are swapped before the picture is turned. */
  flipped: boolean;
  /** Degrees, clockwise, by which the picture is turned about the square's middle; -45 to 45. */
  angle: number;
  /** The middle of the square, as a share of the turned picture's width and height. */
  x: number;
  y: number;
  /** Of the square, as a share of the picture's shorter side. Above 1 it reaches over the edge. */
  side: number;
}

export interface Size {
  width: number;
  height: number;
}

/** The middle of the picture as it is: what a model makes of it by itself. */
export const WHOLE: Crop = { turns: 0, flipped: false, angle: 0, x: 0.5, y: 0.5, side: 1 };

const SMALLEST = 8; // pixels of a side
export const MOST_ANGLE = 45;

export function isWhole(crop: Crop): boolean {
  return (Object.keys(WHOLE) as (keyof Crop)[]).every((key) => crop[key] === WHOLE[key]);
}

/** The size of the picture after its quarter turns. */
export function turnedSize({ width, height }: Size, turns: number): Size {
  return turns % 2 ? { width: height, height: width } : { width, height };
}

/** The square in pixels of the turned picture. */
export function square(crop: Crop, size: Size): { left: number; top: number; side: number } {
  const { width, height } = turnedSize(size, crop.turns);
  const side = crop.side * Math.min(width, height);
  return { left: crop.x * width - side / 2, top: crop.y * height - side / 2, side };
}

/** The same crop, with the square inside of the picture as far as it can be. */
export function bounded(crop: Crop, size: Size): Crop {
  const { width, height } = turnedSize(size, crop.turns);
  const shorter = Math.min(width, height);
  const side = clamp(crop.side, Math.min(1, SMALLEST / shorter), Math.max(width, height) / shorter);
  return {
    ...crop,
    angle: clamp(crop.angle, -MOST_ANGLE, MOST_ANGLE),
    side,
    x: within(crop.x, (side * shorter) / width),
    y: within(crop.y, (side * shorter) / height),
  };
}

/** Moved by pixels of the turned picture. */
export function moved(crop: Crop, right: number, down: number, size: Size): Crop {
  const { width, height } = turnedSize(size, crop.turns);
  return bounded({ ...crop, x: crop.x + right / width, y: crop.y + down / height }, size);
}

/** A square so many times smaller; its middle stays, where it can. */
export function zoomed(crop: Crop, factor: number, size: Size): Crop {
  return bounded({ ...crop, side: crop.side / factor }, size);
}

/**
 * A corner was dragged by pixels of the turned picture; the opposite one stays. `right` and `down`
 * are 1 or -1: which corner.
 */
export function resized(
  crop: Crop,
  corner: { right: number; down: number },
  by: { right: number; down: number },
  size: Size,
): Crop {
  const { width, height } = turnedSize(size, crop.turns);
  const { left, top, side } = square(crop, size);
  const anchorX = corner.right > 0 ? left : left + side;
  const anchorY = corner.down > 0 ? top : top + side;
  const room = Math.min(
    corner.right > 0 ? width - anchorX : anchorX,
    corner.down > 0 ? height - anchorY : anchorY,
  );
  const grown = side + (corner.right * by.right + corner.down * by.down) / 2;
  const now = clamp(grown, SMALLEST, Math.max(room, SMALLEST));
  return bounded(
    {
      ...crop,
      side: now / Math.min(width, height),
      x: (anchorX + (corner.right * now) / 2) / width,
      y: (anchorY + (corner.down * now) / 2) / height,
    },
    size,
  );
}

/** A quarter turn clockwise, or `-1` against it; the square stays on what it showed. */
export function turned(crop: Crop, by: 1 | -1): Crop {
  const [x, y] = by === 1 ? [1 - crop.y, crop.x] : [crop.y, 1 - crop.x];
  return { ...crop, turns: (crop.turns + by + 4) % 4, x, y };
}

/** Left and right of what is seen are swapped. */
export function flipped(crop: Crop): Crop {
  return {
    ...crop,
    flipped: !crop.flipped,
    turns: (4 - crop.turns) % 4, // mirroring after a turn is turning the other way after mirroring
    angle: crop.angle === 0 ? 0 : -crop.angle,
    x: 1 - crop.x,
  };
}

/** The square, cut out. What lies outside of the picture is as its border is. */
export function cut(picture: Picture, crop: Crop): Picture {
  if (isWhole(crop)) return picture;
  const { left, top, side: exact } = square(crop, picture);
  const side = Math.max(1, Math.round(exact));
  const out = { width: side, height: side, data: new Uint8ClampedArray(side * side * 4) };
  const fill = borderColor(picture);
  if (crop.angle === 0) copy(picture, crop, Math.round(left), Math.round(top), fill, out);
  else sample(picture, crop, left + exact / 2, top + exact / 2, fill, out);
  return out;
}

/** Whole pixels: nothing is blurred. */
function copy(from: Picture, crop: Crop, left: number, top: number, fill: Rgba, to: Picture): void {
  for (let y = 0, at = 0; y < to.height; y++) {
    for (let x = 0; x < to.width; x++, at += 4) {
      const [u, v] = origin(left + x, top + y, crop, from, 1);
      const inside = u >= 0 && v >= 0 && u < from.width && v < from.height;
      const start = (v * from.width + u) * 4;
      for (let c = 0; c < 4; c++) to.data[at + c] = inside ? from.data[start + c]! : fill[c]!;
    }
  }
}

/** A picture that was turned by some degrees, between its pixels. */
function sample(from: Picture, crop: Crop, midX: number, midY: number, fill: Rgba, to: Picture): void {
  const radians = (-crop.angle * Math.PI) / 180;
  const cos = Math.cos(radians);
  const sin = Math.sin(radians);
  for (let y = 0, at = 0; y < to.height; y++) {
    for (let x = 0; x < to.width; x++, at += 4) {
      const right = x + 0.5 - to.width / 2;
      const down = y + 0.5 - to.height / 2;
      const turnedX = midX + right * cos - down * sin;
      const turnedY = midY + right * sin + down * cos;
      const [u, v] = origin(turnedX, turnedY, crop, from, 0);
      between(from, u - 0.5, v - 0.5, fill, to.data, at);
    }
  }
}

/** Where a place of the turned picture is in the picture; `pixel` is 1 for pixels, 0 for points. */
function origin(x: number, y: number, crop: Crop, size: Size, pixel: 0 | 1): [number, number] {
  const { width, height } = turnedSize(size, crop.turns);
  let [u, v] = [x, y];
  if (crop.turns === 1) [u, v] = [y, width - pixel - x];
  else if (crop.turns === 2) [u, v] = [width - pixel - x, height - pixel - y];
  else if (crop.turns === 3) [u, v] = [height - pixel - y, x];
  return [crop.flipped ? size.width - pixel - u : u, v];
}

function between(
  { width, height, data }: Picture,
  x: number,
  y: number,
  fill: Rgba,
  out: Uint8ClampedArray,
  at: number,
): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  for (let c = 0; c < 4; c++) {
    let sum = 0;
    for (let n = 0; n < 4; n++) {
      const u = left + (n & 1);
      const v = top + (n >> 1);
      const inside = u >= 0 && v >= 0 && u < width && v < height;
      const share = (n & 1 ? x - left : 1 - x + left) * (n >> 1 ? y - top : 1 - y + top);
      sum += share * (inside ? data[(v * width + u) * 4 + c]! : fill[c]!);
    }
    out[at + c] = sum;
  }
}

/** A middle, so that what is `share` of the whole lies inside of it; else the whole's. */
function within(middle: number, share: number): number {
  return share >= 1 ? 0.5 : clamp(middle, share / 2, 1 - share / 2);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
