import { expect, test } from "vitest";
import type { Picture } from "../src/engines/fit";
import { AS_DRAWN, backgroundMask, borderColor, onBackground, subjectBox } from "../src/editor/background";

const SIDE = 12;

/** A dark square on a light, slightly uneven ground; inside of it a hole of the ground's colour. */
function drawn(): Picture {
  const data = new Uint8ClampedArray(SIDE * SIDE * 4);
  for (let n = 0; n < SIDE * SIDE; n++) {
    const [x, y] = [n % SIDE, Math.floor(n / SIDE)];
    const isInside = x >= 3 && x < 9 && y >= 3 && y < 9;
    const isHole = x >= 5 && x < 7 && y >= 5 && y < 7;
    const ground = 220 + (n % 5);
    data.set(isInside && !isHole ? [20, 30, 40, 255] : [ground, ground, ground, 255], 4 * n);
  }
  return { width: SIDE, height: SIDE, data };
}

function alpha({ data }: Picture, x: number, y: number): number {
  return data[4 * (y * SIDE + x) + 3]!;
}

test("the border's colour is its median", () => {
  expect(borderColor(drawn())).toEqual([222, 222, 222, 255]);
});

test("only what hangs together with the border is background", () => {
  const mask = backgroundMask(drawn(), 10);
  expect([mask[0], mask[6 * SIDE + 4], mask[5 * SIDE + 5]]).toEqual([1, 0, 0]);
});

test("a transparent background leaves the subject and its holes", () => {
  const seen = onBackground(drawn(), { ...AS_DRAWN, kind: "transparent" });
  expect([alpha(seen, 0, 0), alpha(seen, 4, 4), alpha(seen, 5, 5)]).toEqual([0, 255, 255]);
});

test("a pixel half background, half subject loses its half of the background", () => {
  const picture = drawn();
  picture.data.set([190, 190, 190, 255], 4 * (6 * SIDE + 2));
  const seen = onBackground(picture, { ...AS_DRAWN, kind: "transparent", tolerance: 20 });
  const at = 4 * (6 * SIDE + 2);
  expect(seen.data[at + 3]).toBeGreaterThan(60);
  expect(seen.data[at + 3]).toBeLessThan(200);
  expect(seen.data[at]).toBeLessThan(190); // darker: the light ground is gone from it
});

test("a colour is laid under it, and all is opaque", () => {
  const seen = onBackground(drawn(), { kind: "color", color: "#1080f0", tolerance: 10 });
  expect([...seen.data.subarray(0, 4)]).toEqual([16, 128, 240, 255]);
  expect([...seen.data.subarray(4 * (4 * SIDE + 4), 4 * (4 * SIDE + 4) + 4)]).toEqual([20, 30, 40, 255]);
});

test("as drawn is the picture itself", () => {
  const picture = drawn();
  expect(onBackground(picture, AS_DRAWN)).toBe(picture);
});

test("the subject's box is found; a plain picture has none", () => {
  expect(subjectBox(drawn(), 10)).toEqual({ left: 3, top: 3, right: 9, bottom: 9 });
  const plain = { width: 4, height: 4, data: new Uint8ClampedArray(64).fill(90) };
  expect(subjectBox(plain, 10)).toBeNull();
});
