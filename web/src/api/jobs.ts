import { ask, askJson } from "./client";
import { listen, type Listener } from "./events";
import type { Score } from "./models";

export type State =
  | "queued"
  | "running"
  | "evaluating"
  | "publishing"
  | "paused"
  | "published"
  | "failed"
  | "cancelled";

/** What a job was asked to do; the fields are those of the schema `JobRequest`. */
export interface JobRequest {
  dataset: string | null;
  name: string;
  /** Of a job that was asked for on the server's own command line, in place of a data set. */
  path?: string | null;
  otherwise?: Record<string, unknown>[];
  [more: string]: unknown;
}

export interface Progress {
  candidate: number;
  round: number;
  images?: number;
  images_wanted?: number | null;
  images_per_second?: number;
  minutes?: number;
  losses?: Record<string, number>;
  failure?: string;
}

export interface Job {
  id: string;
  state: State;
  wanted: "pause" | "cancel" | null;
  created_at: string;
  changed_at: string;
  priority: number;
  device: string;
  request: JobRequest;
  progress: Progress;
  alerts: { kind: string; message: string }[];
  num_evaluations: number;
  model: string | null;
  error: string | null;
  schedule_id: number | null;
}

/** Points of a curve: images seen, and a value. */
export type Points = [images: number, value: number][];

export interface CandidateCurves {
  candidate: number;
  curves: Record<string, Points>;
}

export interface Verdict {
  candidate: number;
  round: number;
  images: number;
  minimum: string | null;
  next: string;
  is_met: boolean;
  value: number | null;
  interval: [number, number] | null;
  reason: string;
}

/** As `funit evaluate --json` writes it. */
export interface Evaluation {
  about: Record<string, unknown>;
  rows: Score[];
  left_out: { metric: string; reason: string }[];
  warnings: string[];
}

export interface JobReport {
  verdict: Verdict;
  history: Verdict[];
  evaluation: Evaluation;
  /** There is a page of it, with samples and every class. */
  has_page: boolean;
}

export interface Schedule {
  id: number;
  name: string;
  created_at: string;
  request: JobRequest;
  every_hours: number | null;
  new_images: number | null;
  last_run_at: string | null;
  last_version: number | null;
  state: "active" | "paused";
  /** Why it made no training when it was last due. */
  error: string | null;
}

const ENDED: ReadonlySet<State> = new Set(["published", "failed", "cancelled"]);
export const hasEnded = (job: Job) => ENDED.has(job.state);
/** The states in which something happens without anybody doing anything. */
export const isUnderWay = (job: Job) => !hasEnded(job) && job.state !== "paused";

const one = (id: string) => `/v1/jobs/${encodeURIComponent(id)}`;

/** Jobs, the newest first; `next` is given as `before` for older ones. */
export function listJobs(signal: AbortSignal, states: State[] = [], before: string | null = null) {
  const query = new URLSearchParams(states.map((state) => ["state", state]));
  query.set("limit", "50");
  if (before) query.set("before", before);
  return askJson<{ items: Job[]; next: string | null }>(`/v1/jobs?${query}`, { signal });
}

export const showJob = (id: string, signal: AbortSignal) => askJson<Job>(one(id), { signal });

export const createJob = (request: Record<string, unknown>) =>
  askJson<Job>("/v1/jobs", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  });

export const changeJob = (id: string, verb: "pause" | "resume" | "cancel") =>
  askJson<Job>(`${one(id)}/${verb}`, { method: "POST" });

export const showCurves = async (id: string, signal: AbortSignal, points = 300) =>
  (
    await askJson<{ candidates: CandidateCurves[] }>(`${one(id)}/curves?points=${points}`, {
      signal,
    })
  ).candidates;

/** The names of the sample grids of a candidate, in the order of the images seen. */
export const listSamples = async (id: string, candidate: number, signal: AbortSignal) =>
  (
    await askJson<{ names: string[] }>(`${one(id)}/pictures?candidate=${candidate}`, { signal })
  ).names.filter((name) => /^\d/.test(name));

export const samplePath = (id: string, candidate: number, name: string) =>
  `${one(id)}/pictures/${encodeURIComponent(name)}?candidate=${candidate}`;

export const showLog = async (id: string, lines: number, signal: AbortSignal) =>
  (await ask(`${one(id)}/log?lines=${lines}`, { signal })).text();

export const showReport = (id: string, signal: AbortSignal) =>
  askJson<JobReport>(`${one(id)}/report`, { signal });

export const reportPagePath = (id: string) => `${one(id)}/report/page`;

/** Hears what happens to a job from now on, until the signal is aborted. */
export const followJob = (id: string, listener: Listener, signal: AbortSignal) =>
  listen(`${one(id)}/events`, listener, signal);

const schedule = (name: string) => `/v1/schedules/${encodeURIComponent(name)}`;

export const createSchedule = (request: Record<string, unknown>) =>
  askJson<Schedule>("/v1/schedules", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  });

export const changeSchedule = (name: string, verb: "pause" | "resume") =>
  ask(`${schedule(name)}/${verb}`, { method: "POST" });

export const removeSchedule = (name: string) => ask(schedule(name), { method: "DELETE" });

export const listSchedules = (signal: AbortSignal) =>
  askJson<Schedule[]>("/v1/schedules", { signal });
