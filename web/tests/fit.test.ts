import { expect, test } from "vitest";
import { type Color, fitted, toFloats, toPixels } from "../src/engines/fit";
import cases from "./pillow.json";

const bytes = (base64: string) => new Uint8ClampedArray(Buffer.from(base64, "base64"));

for (const { width, height, size, background, rgba, fitted: wanted } of cases) {
  test(`${width} x ${height} becomes ${size} x ${size} as with Pillow, to the bit`, () => {
    const picture = { width, height, data: bytes(rgba) };

    const found = fitted(picture, size, background as unknown as Color);

    expect(found).toEqual(bytes(wanted));
  });
}

test("pixels become planes of floats and pixels again", () => {
  const rgb = Uint8ClampedArray.from({ length: 12 }, (_, i) => 23 * i);
  const floats = new Float32Array(24);

  toFloats(rgb, floats, 12);

  expect(floats[12]).toBe(-1);
  expect(floats[12 + 4]).toBeCloseTo(23 / 127.5 - 1, 6); // the first green
  const rgba = toPixels(floats.subarray(12));
  expect([...rgba].filter((_, i) => i % 4 < 3)).toEqual([...rgb]);
  expect(rgba[3]).toBe(255);
});

test("what lies outside is clamped", () => {
  expect([...toPixels(Float32Array.from([-3, 0.5, 1.2]))]).toEqual([0, 191, 255, 255]);
});
