/** Animated GIFs: each frame has a palette of its own, chosen by median cut. */
import type { Picture } from "../engines/fit";

const MOST_COLORS = 256;
const MOST_CODES = 4096; // of LZW, by the format
const OPAQUE = 128; // of 255: what is less is transparent, as a GIF knows nothing between

/** A GIF that goes round for ever. All frames have one size; at least 20 ms each. */
export function encodeGif(frames: readonly Picture[], milliseconds: number): Uint8Array<ArrayBuffer> {
  const { width, height } = frames[0]!;
  const out: number[] = [];
  text(out, "GIF89a");
  word(out, width);
  word(out, height);
  out.push(0, 0, 0); // no palette for all
  out.push(0x21, 0xff, 11);
  text(out, "NETSCAPE2.0");
  out.push(3, 1, 0, 0, 0); // for ever
  const delay = Math.max(2, Math.round(milliseconds / 10));
  for (const frame of frames) writeFrame(out, frame, delay);
  out.push(0x3b);
  return Uint8Array.from(out);
}

function writeFrame(out: number[], { width, height, data }: Picture, delay: number): void {
  const { colors, indices, transparent } = quantized(data);
  const bits = Math.max(1, Math.ceil(Math.log2(colors.length)));
  // after the frame the background is restored, lest frames show through each other
  out.push(0x21, 0xf9, 4, (2 << 2) | (transparent === null ? 0 : 1));
  word(out, delay);
  out.push(transparent ?? 0, 0);
  out.push(0x2c);
  for (const value of [0, 0, width, height]) word(out, value);
  out.push(0x80 | (bits - 1));
  for (let n = 0; n < 1 << bits; n++) {
    const color = colors[n] ?? 0;
    out.push(color >> 16, (color >> 8) & 255, color & 255);
  }
  writeLzw(out, indices, Math.max(2, bits));
}

interface Quantized {
  /** 0xrrggbb. */
  colors: number[];
  indices: Uint8Array;
  /** The index of what is not there; null: all is there. */
  transparent: number | null;
}

/** At most 256 colours; a frame that has no more keeps them all. */
export function quantized(data: Uint8ClampedArray): Quantized {
  const counts = new Map<number, number>();
  let hasTransparent = false;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3]! < OPAQUE) hasTransparent = true;
    else counts.set(color(data, at), (counts.get(color(data, at)) ?? 0) + 1);
  }
  const room = hasTransparent ? MOST_COLORS - 1 : MOST_COLORS;
  const boxes = medianCut([...counts], room);
  const colors = boxes.map(mean);
  const indexOf = new Map<number, number>();
  boxes.forEach((box, index) => box.forEach(([each]) => indexOf.set(each, index)));
  const transparent = hasTransparent ? colors.push(0) - 1 : null;
  const indices = new Uint8Array(data.length / 4);
  for (let n = 0; n < indices.length; n++) {
    const seen = data[4 * n + 3]! >= OPAQUE;
    indices[n] = seen ? indexOf.get(color(data, 4 * n))! : transparent!;
  }
  return { colors, indices, transparent };
}

/** Colours with how often they are there. */
type Box = [color: number, count: number][];

/** Boxes of colours that are alike: the one with the widest spread is cut where half its pixels are. */
function medianCut(colors: Box, most: number): Box[] {
  const boxes: { box: Box; shift: number; spread: number }[] = [];
  if (colors.length) boxes.push(measured(colors));
  while (boxes.length < Math.min(most, colors.length)) {
    const index = boxes.reduce((best, each, n) => (each.spread > boxes[best]!.spread ? n : best), 0);
    const { box, shift } = boxes[index]!;
    const sorted = box.toSorted(([a], [b]) => ((a >> shift) & 255) - ((b >> shift) & 255));
    const half = sorted.reduce((sum, [, count]) => sum + count, 0) / 2;
    let cut = 0;
    for (let sum = 0; cut < sorted.length - 1 && sum < half; cut++) sum += sorted[cut]![1];
    cut = Math.max(1, cut);
    boxes.splice(index, 1, measured(sorted.slice(0, cut)), measured(sorted.slice(cut)));
  }
  return boxes.map(({ box }) => box);
}

/** With the channel that is spread most, weighed by how many pixels it is about. */
function measured(box: Box): { box: Box; shift: number; spread: number } {
  if (box.length === 1) return { box, shift: 0, spread: 0 };
  let found = { box, shift: 0, spread: -1 };
  const count = box.reduce((sum, [, each]) => sum + each, 0);
  for (const shift of [16, 8, 0]) {
    let low = 255;
    let high = 0;
    for (const [each] of box) {
      low = Math.min(low, (each >> shift) & 255);
      high = Math.max(high, (each >> shift) & 255);
    }
    const spread = (high - low) * Math.sqrt(count);
    if (spread > found.spread) found = { box, shift, spread };
  }
  return found;
}

function mean(box: Box): number {
  const sums = [0, 0, 0, 0];
  for (const [each, count] of box) {
    sums[0]! += (each >> 16) * count;
    sums[1]! += ((each >> 8) & 255) * count;
    sums[2]! += (each & 255) * count;
    sums[3]! += count;
  }
  const [red, green, blue] = sums.map((sum) => Math.round(sum / sums[3]!));
  return (red! << 16) | (green! << 8) | blue!;
}

function color(data: Uint8ClampedArray, at: number): number {
  return (data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!;
}

/** The format's packing: codes of growing width for strings of indices that were seen before. */
function writeLzw(out: number[], indices: Uint8Array, bits: number): void {
  out.push(bits);
  const clear = 1 << bits;
  const bytes = new Bytes(out);
  let width = bits + 1;
  let next = clear + 2;
  let known = new Map<number, number>(); // (code of a string, index after it) -> code
  bytes.put(clear, width);
  let code = indices[0]!;
  for (let n = 1; n < indices.length; n++) {
    const key = (code << 8) | indices[n]!;
    const longer = known.get(key);
    if (longer !== undefined) {
      code = longer;
      continue;
    }
    bytes.put(code, width);
    code = indices[n]!;
    if (next === MOST_CODES) {
      bytes.put(clear, width);
      [width, next, known] = [bits + 1, clear + 2, new Map()];
      continue;
    }
    if (next === 1 << width) width++;
    known.set(key, next++);
  }
  bytes.put(code, width);
  if (next === 1 << width && width < 12) width++; // a reader has one code more by now
  bytes.put(clear + 1, width);
  bytes.end();
}

/** Codes as bytes, lowest bits first, in blocks of at most 255. */
class Bytes {
  private block: number[] = [];
  private rest = 0;
  private restBits = 0;

  constructor(private readonly out: number[]) {}

  put(code: number, width: number): void {
    this.rest |= code << this.restBits;
    this.restBits += width;
    while (this.restBits >= 8) {
      this.byte(this.rest & 255);
      this.rest >>>= 8;
      this.restBits -= 8;
    }
  }

  end(): void {
    if (this.restBits) this.byte(this.rest);
    this.flush();
    this.out.push(0);
  }

  private byte(value: number): void {
    this.block.push(value);
    if (this.block.length === 255) this.flush();
  }

  private flush(): void {
    if (this.block.length) this.out.push(this.block.length, ...this.block);
    this.block = [];
  }
}

function text(out: number[], letters: string): void {
  for (const letter of letters) out.push(letter.charCodeAt(0));
}

function word(out: number[], value: number): void {
  out.push(value & 255, value >> 8);
}
