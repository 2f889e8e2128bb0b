import { describe, expect, it } from "vitest";
import type { Score } from "../src/api/models";
import { better, errorOfCopying, shotsOf, tableOf } from "../src/library/scores";

const row = (model: string, shots: number, metric: string, value: number): Score => ({
  model, part: "unseen", shots, metric, value, low: value, high: value, n: 9,
});
const ROWS = [
  row("copy-content", 5, "l1_foreground", 0.2),
  row("zoo", 1, "l1_foreground", 0.15),
  row("zoo", 5, "l1_foreground", 0.1),
  row("zoo", 5, "psnr", 20),
  row("copy-content", 5, "psnr", 14),
  row("zoo", 5, "l1_foreground/copy-content", 0.5),
  row("real images", 0, "psnr", 99),
];

describe("scores", () => {
  it("know which way is better", () => {
    expect(["l1", "fid_efficientnet_lite0", "mkid_x", "copies_x", "dssim/recolour"].map(better)).toEqual(
      Array(5).fill("lower"),
    );
    expect(["psnr_foreground", "top1_test_x", "coverage_x"].map(better)).toEqual(
      Array(3).fill("higher"),
    );
    expect(better("look_spread_x")).toBe("neither");
  });

  it("stand as a row a metric and a column a model, the baselines behind it", () => {
    const table = tableOf(ROWS, 5, false);

    expect(shotsOf(ROWS)).toEqual([1, 5]);
    expect(table.models).toEqual(["zoo", "copy-content", "real images"]);
    expect(table.metrics.map(({ metric, best }) => [metric, best])).toEqual([
      ["l1_foreground", 0],
      ["psnr", 0],
    ]);
    expect(table.metrics[1]!.scores.map((score) => score?.value)).toEqual([20, 14, 99]);
    expect(table.metrics[0]!.scores[2]).toBeNull();
    expect(tableOf(ROWS, 5, true).metrics).toHaveLength(1);
  });

  it("come down to one figure", () => {
    expect(errorOfCopying(ROWS)).toEqual({ share: 0.5, shots: 5 });
    expect(errorOfCopying(ROWS.slice(3))).toBeNull();
  });
});
