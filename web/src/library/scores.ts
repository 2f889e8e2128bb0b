/** Rows of scores as people compare them: a row a metric, a column a model. */

import type { Score } from "../api/models";

export type Better = "lower" | "higher" | "neither";

const REAL = "real images"; // measured without examples
export const BASELINES = ["copy-content", "nearest-example", "recolour"];

/** Which way is better, by how the metric's name begins (docs/evaluation.md). */
export function better(metric: string): Better {
  if (/^(l1|dssim|perceptual|dipd|m?fid|m?kid|copies)/.test(metric)) return "lower";
  if (/^(psnr|ssim|top[15]|is_|precision|recall|density|coverage|few_shot)/.test(metric)) {
    return "higher";
  }
  return "neither";
}

/** How many examples were shown, of what was measured with some. */
export function shotsOf(rows: readonly Score[]): number[] {
  return [...new Set(rows.map((row) => row.shots))].filter((n) => n > 0).sort((a, b) => a - b);
}

export interface Table {
  /** The models themselves first, then the baselines, then the real images. */
  models: string[];
  metrics: { metric: string; better: Better; scores: (Score | null)[]; best: number | null }[];
}

/** What was measured with so many examples; `isRatio`: as a ratio to a baseline. */
export function tableOf(rows: readonly Score[], shots: number, isRatio: boolean): Table {
  const shown = rows.filter(
    (row) =>
      row.metric.includes("/") === isRatio && (row.shots === shots || row.model === REAL),
  );
  const order = (model: string) => (model === REAL ? 99 : BASELINES.indexOf(model));
  const models = [...new Set(shown.map((row) => row.model))].sort((a, b) => order(a) - order(b));
  const metrics = [...new Set(shown.map((row) => row.metric))].map((metric) => {
    const scores = models.map(
      (model) => shown.find((row) => row.model === model && row.metric === metric) ?? null,
    );
    const way = better(metric);
    return { metric, better: way, scores, best: bestOf(scores, way) };
  });
  return { models, metrics };
}

/** The index of the best score; real images do not compete. */
function bestOf(scores: readonly (Score | null)[], way: Better): number | null {
  if (way === "neither") return null;
  let best: number | null = null;
  scores.forEach((score, n) => {
    if (!score || score.model === REAL) return;
    const isBetter =
      best === null ||
      (way === "lower" ? score.value < scores[best]!.value : score.value > scores[best]!.value);
    if (isBetter) best = n;
  });
  return best;
}

/**
 * The error in the foreground as a share of that of copying the pose picture, with as many
 * examples as were shown, at most five: the one figure that tells most.
 */
export function errorOfCopying(
  rows: readonly Score[],
): { share: number; shots: number } | null {
  const metric = "l1_foreground";
  const found = rows
    .filter((row) => row.metric === metric && row.shots > 0 && row.shots <= 5)
    .sort((a, b) => b.shots - a.shots);
  const own = found.find((row) => !BASELINES.includes(row.model) && row.model !== REAL);
  const copy = found.find((row) => row.model === "copy-content" && row.shots === own?.shots);
  return own && copy ? { share: own.value / copy.value, shots: own.shots } : null;
}
