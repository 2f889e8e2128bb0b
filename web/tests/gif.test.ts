import { expect, test } from "vitest";
import type { Picture } from "../src/engines/fit";
import { encodeGif, quantized } from "../src/editor/gif";

// That other programs read the GIFs is tested with Pillow: tests/web/test_editor.py.

function noise(side: number, seed = 1): Picture {
  const data = new Uint8ClampedArray(side * side * 4);
  let state = seed;
  for (let at = 0; at < data.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[at] = at % 4 === 3 ? 255 : state >>> 24;
  }
  return { width: side, height: side, data };
}

test("few colours are kept as they are", () => {
  const data = Uint8ClampedArray.from([1, 2, 3, 255, 9, 9, 9, 255, 1, 2, 3, 255, 0, 0, 0, 0]);
  const { colors, indices, transparent } = quantized(data);
  expect(transparent).not.toBeNull();
  expect([...indices].map((n) => (n === transparent ? "none" : colors[n]))).toEqual([
    0x010203,
    0x090909,
    0x010203,
    "none",
  ]);
});

test("many colours become 256 that are near", () => {
  const { data } = noise(64);
  const { colors, indices } = quantized(data);
  expect(colors).toHaveLength(256);
  let sum = 0;
  for (let n = 0; n < indices.length; n++) sum += Math.abs((colors[indices[n]!]! >> 16) - data[4 * n]!);
  expect(sum / indices.length).toBeLessThan(20); // 8 levels a channel would leave 8 on the mean
});

test("a GIF has its size, goes round for ever, and ends", () => {
  const gif = Buffer.from(encodeGif([noise(20), noise(20, 2)], 100));
  expect(gif.subarray(0, 6).toString()).toBe("GIF89a");
  expect(gif.readUInt16LE(6)).toBe(20);
  expect(gif.includes("NETSCAPE2.0")).toBe(true);
  expect(gif.at(-1)).toBe(0x3b);
});
