import { describe, expect, test } from "vitest";
import type { Picture } from "../src/engines/fit";
import { bounded, cut, flipped, moved, resized, square, turned, WHOLE, zoomed } from "../src/editor/crop";

/** Each pixel says where it is: red is its column, green its line. */
function grid(width: number, height: number): Picture {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let n = 0; n < width * height; n++) data.set([n % width, Math.floor(n / width), 7, 255], 4 * n);
  return { width, height, data };
}

/** The columns and lines that a picture shows. */
function places({ width, height, data }: Picture): string[] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const at = 4 * (y * width + x);
      return `${data[at]},${data[at + 1]}`;
    }).join(" "),
  );
}

describe("cut", () => {
  test("the whole picture stays as it is, to the byte", () => {
    const picture = grid(5, 3);
    expect(cut(picture, WHOLE)).toBe(picture);
  });

  test("a square is cut out without a change of its pixels", () => {
    const crop = { ...WHOLE, x: 0.75, y: 0.25, side: 0.5 };
    expect(places(cut(grid(4, 4), crop))).toEqual(["2,0 3,0", "2,1 3,1"]);
  });

  test("a quarter turn to the right puts the first column on top, read from below", () => {
    expect(places(cut(grid(2, 2), { ...WHOLE, turns: 1 }))).toEqual(["0,1 0,0", "1,1 1,0"]);
  });

  test("four quarter turns, or two flips, are none", () => {
    const some = bounded({ ...WHOLE, x: 0.3, y: 0.6, side: 0.5 }, { width: 8, height: 6 });
    const right = [1, 2, 3, 4].reduce((crop) => turned(crop, 1), some);
    expect(places(cut(grid(8, 6), right))).toEqual(places(cut(grid(8, 6), some)));
    expect(cut(grid(8, 6), flipped(flipped(some)))).toEqual(cut(grid(8, 6), some));
  });

  test.each([0, 1, 2, 3])("a flip mirrors what is seen, after %i turns too", (turns) => {
    const crop = { ...WHOLE, turns, x: 0.4, side: 0.5 };
    const picture = grid(8, 8);
    const mirrored = places(cut(picture, crop)).map((line) => line.split(" ").toReversed().join(" "));
    expect(places(cut(picture, flipped(crop)))).toEqual(mirrored);
  });

  test("what lies outside is as the border is", () => {
    const picture: Picture = { width: 4, height: 2, data: new Uint8ClampedArray(32).fill(200) };
    const seen = cut(picture, bounded({ ...WHOLE, side: 2 }, picture));
    expect([seen.width, seen.height]).toEqual([4, 4]);
    expect(new Set(seen.data)).toEqual(new Set([200]));
  });

  test("turning by degrees there and back keeps the middle", () => {
    const picture: Picture = { width: 31, height: 31, data: new Uint8ClampedArray(31 * 31 * 4).fill(255) };
    picture.data.set([0, 0, 0, 255], 4 * (15 * 31 + 15));
    const seen = cut(picture, { ...WHOLE, angle: 30 });
    expect(seen.data[4 * (15 * 31 + 15)]).toBe(0);
  });

  test("a point to the right of the middle goes down when the picture is turned clockwise", () => {
    const picture: Picture = { width: 21, height: 21, data: new Uint8ClampedArray(21 * 21 * 4).fill(255) };
    picture.data.set([0, 0, 0, 255], 4 * (10 * 21 + 18)); // 8 pixels right of the middle
    const seen = cut(picture, { ...WHOLE, angle: 45 });
    const darkest = seen.data.filter((_, n) => n % 4 === 0).reduce(
      (best, value, n, all) => (value < all[best]! ? n : best),
      0,
    );
    expect([darkest % 21, Math.floor(darkest / 21)]).toEqual([16, 16]); // 10 + 8 / √2
  });
});

describe("the square", () => {
  const size = { width: 200, height: 100 };

  test("never leaves the picture", () => {
    const corner = moved({ ...WHOLE, side: 0.5 }, 1000, -1000, size);
    expect(square(corner, size)).toEqual({ left: 150, top: 0, side: 50 });
    expect(square(zoomed(corner, 1 / 100, size), size)).toEqual({ left: 0, top: -50, side: 200 });
  });

  test("has at least eight pixels", () => {
    expect(square(zoomed(WHOLE, 1000, size), size).side).toBeCloseTo(8);
  });

  test("keeps the corner opposite of the one that is dragged", () => {
    const before = bounded({ ...WHOLE, side: 0.5 }, size);
    const after = resized(before, { right: 1, down: 1 }, { right: 20, down: 20 }, size);
    const { left, top, side } = square(after, size);
    expect([left, top, side].map(Math.round)).toEqual([75, 25, 70]);
    const stopped = resized(before, { right: 1, down: 1 }, { right: 500, down: 500 }, size);
    expect(Math.round(square(stopped, size).side)).toBe(75); // to the lower edge
  });
});
