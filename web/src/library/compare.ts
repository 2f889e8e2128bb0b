/** Trainings side by side: their curves, name by name, and what they were asked differently. */

import type { Points } from "../api/jobs";
import type { Line } from "./chart";

export interface Run {
  name: string;
  curves: Record<string, Points>;
}

const ORDER = ["g/", "d/", "s/"];

/** For each curve that any run has, a line for each run, in the order of the runs. */
export function byCurve(runs: readonly Run[]): { curve: string; lines: Line[] }[] {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.curves)))];
  const place = (name: string) => {
    const kind = ORDER.findIndex((prefix) => name.startsWith(prefix));
    return kind < 0 ? ORDER.length : kind;
  };
  names.sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  return names.map((curve) => ({
    curve,
    lines: runs.map((run) => ({ name: run.name, points: run.curves[curve] ?? [] })),
  }));
}

export interface Difference {
  /** As `training.batch_size`. */
  setting: string;
  /** Of each request in turn; null where it was not said. */
  values: (string | null)[];
}

/** What is not the same in all requests. */
export function differences(requests: readonly Record<string, unknown>[]): Difference[] {
  const flat = requests.map((request) => new Map(leaves(request, "")));
  const settings = [...new Set(flat.flatMap((each) => [...each.keys()]))];
  return settings
    .map((setting) => ({ setting, values: flat.map((each) => each.get(setting) ?? null) }))
    .filter(({ values }) => new Set(values).size > 1);
}

function* leaves(value: unknown, path: string): Generator<[string, string]> {
  const isGroup = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isGroup) {
    const isSaid = value !== null && value !== undefined && !(Array.isArray(value) && !value.length);
    if (isSaid) yield [path, written(value)];
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    yield* leaves(inner, path ? `${path}.${name}` : name);
  }
}

/** Without what was left to the service. */
const written = (value: unknown) =>
  typeof value === "string" ? value : JSON.stringify(value, (_, inner) => inner ?? undefined);
