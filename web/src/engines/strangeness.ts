import type { LookCode } from "./codes";

/** Mean and deviation of each number of a code, over training data. */
export interface Moments {
  mean: number[];
  deviation: number[];
}

/** What model.json says of the codes of training data: `funit.model.statistics`. */
export interface Statistics {
  content: Moments;
  look: Moments;
}

/** How far a code is from those of the training data: 1 is as usual. */
function distance(code: number[], { mean, deviation }: Moments): number {
  const squares = code.map((x, i) => ((x - mean[i]!) / deviation[i]!) ** 2);
  return Math.sqrt(squares.reduce((sum, x) => sum + x, 0) / code.length);
}

/** Of a content map of `numChannels` that say what is where: means, then deviations over positions. */
export function contentStrangeness(
  map: Float32Array,
  numPositions: number,
  numChannels: number,
  statistics: Statistics,
): number {
  const even = new Float32Array(numPositions).fill(1 / numPositions);
  return distance(pooled(map.subarray(0, numChannels * numPositions), even), statistics.content);
}

/** Of a look, the larger of two: of the class code; of means and deviations of the keys over positions. */
export function lookStrangeness(look: LookCode, size: number, statistics: Statistics): number {
  const shares = look.logShares.map(Math.exp);
  const total = shares.reduce((sum, x) => sum + x, 0);
  const ofKeys = pooled(look.keys, shares.map((x) => x / total));
  const { mean, deviation } = statistics.look;
  const part = (start: number, end?: number) => ({ mean: mean.slice(start, end), deviation: deviation.slice(start, end) });
  const ofCode = distance([...look.classCode.subarray(0, size)], part(0, size));
  return ofKeys.length === 0 ? ofCode : Math.max(ofCode, distance(ofKeys, part(size)));
}

/** Mean and deviation of each line of (C, P), each position counting its share: 2 C numbers. */
function pooled(lines: Float32Array, shares: Float32Array): number[] {
  const means: number[] = [];
  const deviations: number[] = [];
  for (let start = 0; start < lines.length; start += shares.length) {
    let mean = 0;
    shares.forEach((share, i) => (mean += share * lines[start + i]!));
    let variance = 0;
    shares.forEach((share, i) => (variance += share * (lines[start + i]! - mean) ** 2));
    means.push(mean);
    deviations.push(Math.sqrt(variance));
  }
  return [...means, ...deviations];
}
