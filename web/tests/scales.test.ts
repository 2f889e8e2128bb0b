import { describe, expect, it } from "vitest";
import { domainOf, nearest, padded, sampled, scale, short, ticks } from "../src/library/scales";

describe("scales", () => {
  it.each([
    [[0, 10], 5, [0, 2, 4, 6, 8, 10]],
    [[0, 1], 4, [0, 0.5, 1]],
    [[-0.31, 0.29], 3, [-0.2, 0, 0.2]],
    [[3, 3], 4, [3]],
  ] as const)("puts round ticks into %j", ([low, high], count, expected) => {
    expect(ticks([low, high], count)).toEqual(expected);
  });

  it("keeps every tick inside, and never makes too many", () => {
    for (const [low, high] of [[0.013, 0.0191], [1e-9, 3e-9], [-7e6, 1e7], [99.5, 100.5]] as const) {
      const found = ticks([low, high], 5);
      expect(found.length).toBeGreaterThan(1);
      expect(found.length).toBeLessThanOrEqual(6);
      for (const tick of found) {
        expect(tick).toBeGreaterThanOrEqual(low - 1e-9);
        expect(tick).toBeLessThanOrEqual(high + 1e-9);
      }
    }
  });

  it("never makes a domain of no width", () => {
    expect(domainOf([])).toEqual([0, 1]);
    expect(domainOf([0])).toEqual([-0.5, 0.5]);
    expect(domainOf([4])).toEqual([2, 6]);
    expect(domainOf([3, 1, 2])).toEqual([1, 3]);
    expect(padded([0, 10], 0.1)).toEqual([-1, 11]);
  });

  it("maps the ends of the domain to the ends of the range", () => {
    const place = scale([10, 20], 100, 0);
    expect([place(10), place(15), place(20)]).toEqual([100, 50, 0]);
  });

  it("writes numbers in few letters", () => {
    expect([0, 0.01234, 4.5678, 81464, 1_500_000, 0.00001, -2].map(short)).toEqual(
      ["0", "0.0123", "4.57", "81.46K", "1.5M", "1.0e-5", "-2"],
    );
  });

  it("finds the nearest point", () => {
    const points = [[0, 1], [10, 2], [30, 3]] as const;
    expect([-5, 4, 6, 21, 99].map((x) => nearest(points, x))).toEqual([0, 0, 1, 2, 2]);
  });

  it("samples evenly with both ends", () => {
    expect(sampled([1, 2, 3], 5)).toEqual([1, 2, 3]);
    expect(sampled(Array.from({ length: 101 }, (_, n) => n), 5)).toEqual([0, 25, 50, 75, 100]);
  });
});
