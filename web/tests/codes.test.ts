import { expect, test } from "vitest";
import { Cache, keyOf, type LookCode, lookOf, merged } from "../src/engines/codes";
import type { Look, Pixels } from "../src/engines/engine";
import { partsOf } from "../src/engines/look";

/** 2 numbers of the class, 2 key and 1 value channel at so many positions, all beginning with `n`. */
function look(n: number, positions: number): LookCode {
  const line = (start: number) => Array.from({ length: positions }, (_, i) => start + i / 10);
  return {
    classCode: Float32Array.from([n, -n]),
    keys: Float32Array.from([...line(n), ...line(n + 10)]),
    values: Float32Array.from(line(n + 20)),
    logShares: Float32Array.from(line(0), () => Math.log(1 / positions)),
  };
}

test("looks are merged: means of class codes, positions beside each other", () => {
  const both = merged([look(1, 2), look(2, 3)], [0.25, 0.75]);

  expect([...both.classCode]).toEqual([1.75, -1.75]);
  expect([...both.keys].map((x) => Math.round(x * 10))).toEqual([10, 11, 20, 21, 22, 110, 111, 120, 121, 122]);
  expect([...both.values].map((x) => Math.round(x * 10))).toEqual([210, 211, 220, 221, 222]);
  const shares = both.logShares.map(Math.exp);
  expect(shares[0]).toBeCloseTo(0.25 / 2);
  expect(shares[4]).toBeCloseTo(0.75 / 3);
  expect(shares.reduce((sum, x) => sum + x)).toBeCloseTo(1);
});

const FILE = {
  metadata: {},
  tensors: new Map(
    Object.entries({ class_code: [9, 1], keys: [9, 2], log_shares: [9, 9, 0, -1], values: [0, 0, 0, 0, 1, 2, 3, -4] }).map(
      ([name, data]) => [name, { shape: [2, data.length / 2], data: Float32Array.from(data) }],
    ),
  ),
};

test("a look of a gallery has each channel of its values scaled, where the file says by how much", () => {
  const scaled = new Map(FILE.tensors).set("value_scale", { shape: [2], data: Float32Array.from([10, 0.5]) });

  expect([...lookOf(FILE, "", 1).values]).toEqual([1, 2, 3, -4]);
  expect([...lookOf({ ...FILE, tensors: scaled }, "", 1).values]).toEqual([10, 20, 1.5, -2]);
  expect([...lookOf({ ...FILE, tensors: scaled }, "", 1).values]).toEqual([10, 20, 1.5, -2]); // the file stays as it is
});

test("a model without attention has class codes alone", () => {
  const bare = { ...look(3, 0), keys: new Float32Array(), values: new Float32Array() };

  expect(merged([bare, bare], [0.5, 0.5])).toEqual(bare);
});

test("a blend of blends is taken apart into what each part counts", () => {
  const pixels = {} as Pixels;
  const examples: Look = {
    kind: "examples",
    examples: [
      { pixels, weight: 3 },
      { pixels, weight: 0 },
      { pixels, weight: 1 },
    ],
  };
  const inner: Look = { kind: "blend", looks: [examples, { kind: "gallery", name: "fox" }], share: 0.5 };
  const whole: Look = { kind: "blend", looks: [inner, { kind: "saved", id: "look_1" }], share: 0.2 };

  expect(partsOf(whole).map((part) => [part.kind, Number(part.share.toFixed(6))])).toEqual([
    ["picture", 0.3],
    ["picture", 0.1],
    ["gallery", 0.4],
    ["saved", 0.2],
  ]);
  expect(partsOf({ ...whole, share: 1 })).toHaveLength(1);
});

test("what was not asked for in the longest time is forgotten", () => {
  const cache = new Cache<number>(2);
  cache.put("a", 1);
  cache.put("b", 2);
  cache.get("a");
  cache.put("c", 3);

  expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual([1, undefined, 3]);
});

test("pictures that differ in one value have other keys", () => {
  const keys = new Set<string>();
  for (let n = 0; n < 3000; n++) {
    const picture = new Uint8ClampedArray(3000).fill(255);
    picture[n] = n % 255;
    keys.add(keyOf(picture));
  }

  expect(keys.size).toBe(3000);
  expect(keyOf(new Uint8ClampedArray([1, 2]))).toBe(keyOf(new Uint8ClampedArray([1, 2])));
});
