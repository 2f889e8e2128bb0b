/**
 * What a model decodes from, as arrays: looks and content maps; the same arithmetic as `funit.engines.engine`.
 *
 * Sizes: S class-code size, P example positions, A key and V value channels (0 without attention).
 */

import type { Tensors } from "./safetensors";

/** What a class looks like, of one batch. */
export interface LookCode {
  classCode: Float32Array; // S
  keys: Float32Array; // A x P
  values: Float32Array; // V x P
  logShares: Float32Array; // P
}

/** The names of a look's parts in graphs and files, in their order. */
export const PARTS = {
  class_code: "classCode",
  keys: "keys",
  values: "values",
  log_shares: "logShares",
} as const satisfies Record<string, keyof LookCode>;

/** One look out of several, each of which counts its share; the shares are positive and in all 1. */
export function merged(looks: LookCode[], shares: number[]): LookCode {
  const classCode = new Float32Array(looks[0]!.classCode.length);
  looks.forEach((look, n) => look.classCode.forEach((x, i) => (classCode[i]! += shares[n]! * x)));
  return {
    classCode,
    keys: beside(looks, "keys"),
    values: beside(looks, "values"),
    logShares: Float32Array.from(
      looks.flatMap((look, n) => Array.from(look.logShares, (x) => x + Math.log(shares[n]!))),
    ),
  };
}

/** Lines of several looks, each behind that of the look before: (C, P) each -> (C, all P). */
function beside(looks: LookCode[], part: "keys" | "values"): Float32Array {
  const numPositions = looks.map((look) => look.logShares.length);
  const total = numPositions.reduce((sum, n) => sum + n, 0);
  const numLines = total ? looks[0]![part].length / numPositions[0]! : 0;
  const joined = new Float32Array(numLines * total);
  let start = 0;
  looks.forEach((look, n) => {
    const length = numPositions[n]!;
    for (let line = 0; line < numLines; line++) {
      const values = look[part].subarray(line * length, (line + 1) * length);
      joined.set(values, line * total + start);
    }
    start += length;
  });
  return joined;
}

/**
 * One of the looks in a file, whose parts are `prefix` and their names.
 *
 * Those of a gallery have values in 8 bits, and beside them what each channel is multiplied by.
 */
export function lookOf(file: Tensors, prefix = "", index = 0): LookCode {
  const part = (name: string): Float32Array => {
    const tensor = file.tensors.get(prefix + name);
    if (!tensor) throw new Error(`the file has no \`${prefix}${name}\``);
    const size = tensor.data.length / tensor.shape[0]!;
    return tensor.data.slice(index * size, (index + 1) * size);
  };
  const [values, logShares] = [part("values"), part("log_shares")];
  const scale = file.tensors.get(`${prefix}value_scale`)?.data;
  if (scale) values.forEach((value, i) => (values[i] = value * scale[Math.floor(i / logShares.length)]!));
  return { classCode: part("class_code"), keys: part("keys"), values, logShares };
}

/** A mapping that forgets what was not asked for in the longest time. */
export class Cache<T> {
  private readonly kept = new Map<string, T>();

  constructor(private readonly most: number) {}

  get(key: string): T | undefined {
    const found = this.kept.get(key);
    if (found !== undefined) this.put(key, found);
    return found;
  }

  put(key: string, value: T): void {
    this.kept.delete(key);
    this.kept.set(key, value);
    if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value!);
  }
}

/** The same for the same bytes: two runs of FNV-1a, 64 bits. */
export function keyOf(bytes: Uint8ClampedArray): string {
  let first = 0x811c9dc5;
  let second = 0x01000193;
  for (const byte of bytes) {
    first = Math.imul(first ^ byte, 0x01000193);
    second = Math.imul(second ^ byte, 0x85ebca6b) ^ (second >>> 15);
  }
  return `${first >>> 0} ${second >>> 0}`;
}
