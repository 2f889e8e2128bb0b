/** From values to places on a chart, and to the words at its axes. */

export type Domain = [low: number, high: number];

/** Round numbers, about `count` of them, within the domain. */
export function ticks([low, high]: Domain, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999)!;
  const found: number[] = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) {
    found.push(Number((n * step).toPrecision(12)));
  }
  return found;
}

/** The smallest domain with all values in it; never an empty one. */
export function domainOf(values: Iterable<number>): Domain {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) return [0, 1];
  if (low < high) return [low, high];
  const around = Math.abs(low) / 2 || 0.5; // of one value alone
  return [low - around, high + around];
}

/** A little wider, so that no line touches the frame. */
export function padded([low, high]: Domain, share = 0.05): Domain {
  const more = (high - low) * share;
  return [low - more, high + more];
}

/** The place of a value of the domain between `from` and `to`. */
export function scale([low, high]: Domain, from: number, to: number): (value: number) => number {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });

/** A number in few letters: 0.0123, 4.5, 12k. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return SHORT.format(value);
  if (size > 0 && size < 0.001) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** The index of the point nearest to an x; the points are in the order of their x. */
export function nearest(points: readonly (readonly [number, number])[], x: number): number {
  let [low, high] = [0, points.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle]![0] <= x) low = middle;
    else high = middle;
  }
  return Math.abs(points[high]![0] - x) < Math.abs(points[low]![0] - x) ? high : low;
}

/** At most `count` of the items, evenly, the first and the last among them. */
export function sampled<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  const step = (items.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, n) => items[Math.round(n * step)]!);
}
