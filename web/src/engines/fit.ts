/**
 * Pictures <-> what a model takes and gives, as `funit` does it everywhere else: transparent pixels are laid
 * on the model's background, the middle is cut out as a square, and that is resized by Pillow's bicubic
 * filter, to the same numbers. A canvas would give others. Only in tall pictures, which Pillow resizes in the
 * other order since version 13, they are 1 of 255 off, and more where those are enlarged.
 */

/** RGBA pixels, row by row: an ImageData, or what looks like one. */
export interface Picture {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

/** Red, green, blue in 0..255. */
export type Color = readonly [number, number, number];

const BITS = 22; // of the fraction of a weight: Pillow's PRECISION_BITS
const REACH = 2; // of the bicubic filter, in pixels

/** The middle of a picture as RGB of `size` x `size` pixels; one of that size stays as it is. */
export function fitted(picture: Picture, size: number, background: Color): Uint8ClampedArray {
  const { width, height } = picture;
  const side = Math.min(width, height);
  const left = (width - side) / 2;
  const top = (height - side) / 2;
  const rgb = laidOn(picture, background);
  if (side === size) return cropped(rgb, width, Math.trunc(left), Math.trunc(top), size);
  const across = weights(width, left, side, size);
  const down = weights(height, top, side, size);
  return resampled(rgb, width, across, down, size);
}

/** RGB without transparency, as Pillow's `alpha_composite` rounds it. */
function laidOn({ data }: Picture, background: Color): Uint8ClampedArray {
  const rgb = new Uint8ClampedArray((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    const alpha = data[from + 3]!;
    const share = alpha * 128; // of the picture, in 255 * 128
    for (let c = 0; c < 3; c++) {
      const mixed = data[from + c]! * share + background[c]! * (255 * 128 - share) + (128 << 7);
      rgb[to + c] = alpha === 255 ? data[from + c]! : (((mixed >> 8) + mixed) >> 8) >> 7;
    }
  }
  return rgb;
}

function cropped(
  rgb: Uint8ClampedArray,
  width: number,
  left: number,
  top: number,
  size: number,
): Uint8ClampedArray {
  const out = new Uint8ClampedArray(size * size * 3);
  for (let y = 0; y < size; y++) {
    const start = ((top + y) * width + left) * 3;
    out.set(rgb.subarray(start, start + size * 3), y * size * 3);
  }
  return out;
}

/** For each pixel of a resized line: the first of the pixels that it is made of, and their weights. */
interface Weights {
  first: number[];
  shares: Int32Array[];
}

function weights(length: number, start: number, side: number, size: number): Weights {
  const scale = side / size;
  const stretch = Math.max(scale, 1); // so that all pixels count when a picture becomes smaller
  const reach = REACH * stretch;
  const found: Weights = { first: [], shares: [] };
  for (let i = 0; i < size; i++) {
    const centre = start + (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach + 0.5), length);
    const exact = Array.from({ length: end - first }, (_, n) =>
      bicubic((first + n - centre + 0.5) / stretch),
    );
    const sum = exact.reduce((total, share) => total + share, 0);
    found.first.push(first);
    found.shares.push(
      Int32Array.from(exact, (share) => {
        const scaled = (share / sum) * (1 << BITS);
        return Math.trunc(scaled + (scaled < 0 ? -0.5 : 0.5));
      }),
    );
  }
  return found;
}

function bicubic(x: number): number {
  const far = Math.abs(x);
  if (far < 1) return (1.5 * far - 2.5) * far * far + 1;
  if (far < REACH) return ((-0.5 * far + 2.5) * far - 4) * far + 2;
  return 0;
}

/** First along lines, then along columns, in whole numbers between. */
function resampled(
  rgb: Uint8ClampedArray,
  width: number,
  across: Weights,
  down: Weights,
  size: number,
): Uint8ClampedArray {
  const firstLine = down.first[0]!;
  const numLines = down.first[size - 1]! + down.shares[size - 1]!.length - firstLine;
  const narrow = new Uint8ClampedArray(numLines * size * 3);
  for (let y = 0; y < numLines; y++) {
    const line = (firstLine + y) * width;
    for (let x = 0; x < size; x++) {
      mix(rgb, (line + across.first[x]!) * 3, 3, across.shares[x]!, narrow, (y * size + x) * 3);
    }
  }
  const out = new Uint8ClampedArray(size * size * 3);
  for (let y = 0; y < size; y++) {
    const line = (down.first[y]! - firstLine) * size;
    for (let x = 0; x < size; x++) {
      mix(narrow, (line + x) * 3, size * 3, down.shares[y]!, out, (y * size + x) * 3);
    }
  }
  return out;
}

/** One pixel out of several that lie `step` apart. */
function mix(
  from: Uint8ClampedArray,
  start: number,
  step: number,
  shares: Int32Array,
  to: Uint8ClampedArray,
  at: number,
): void {
  const half = 1 << (BITS - 1);
  let red = half;
  let green = half;
  let blue = half;
  for (let n = 0, i = start; n < shares.length; n++, i += step) {
    const share = shares[n]!;
    red += from[i]! * share;
    green += from[i + 1]! * share;
    blue += from[i + 2]! * share;
  }
  to[at] = red >> BITS; // a clamped array keeps it within 0..255
  to[at + 1] = green >> BITS;
  to[at + 2] = blue >> BITS;
}

/** RGB pixels as planes of floats in [-1, 1], written from `offset` on. */
export function toFloats(rgb: Uint8ClampedArray, floats: Float32Array, offset: number): void {
  const plane = rgb.length / 3;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) {
      floats[offset + c * plane + i] = Math.fround(rgb[3 * i + c]! / 127.5) - 1;
    }
  }
}

/** Planes of floats in [-1, 1] as RGBA pixels; what lies outside is clamped. */
export function toPixels(floats: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const plane = floats.length / 3;
  const data = new Uint8ClampedArray(4 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = (floats[c * plane + i]! + 1) * 127.5;
    data[4 * i + 3] = 255;
  }
  return data;
}

/** RGB pixels as an ImageData. */
export function toImageData(rgb: Uint8ClampedArray, size: number): ImageData {
  const image = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    image.data.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  return image;
}
