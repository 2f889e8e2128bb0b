import { useEffect, useState } from "preact/hooks";
import {
  followJob,
  hasEnded,
  showCurves,
  showJob,
  showLog,
  showReport,
  type CandidateCurves,
  type Job,
  type JobReport,
  type Progress,
} from "../api/jobs";
import type { ServerEvent } from "../api/events";
import { text } from "../text";
import { count } from "../ui/format";

/** A job, and what its page shows of it, as it is now. */
export interface LiveJob {
  job: Job | null;
  curves: CandidateCurves[];
  report: JobReport | null;
  log: string[];
  /** How many sample grids came since the page was opened. */
  numSamples: number;
  /** `over`: the job has ended, and nothing more comes. */
  connection: "waiting" | "live" | "lost" | "over";
  error: unknown;
  /** Asks for everything again. */
  reload: () => void;
  set: (job: Job) => void;
}

const NUM_LINES = 200; // of the log
const SOON_MS = 200; // several events at once are one reason to ask
const REASONS = new Set(["state", "wanted", "alert", "evaluation", "restart", "failure", "sample"]);

/** Follows a job while the page that calls this is open. */
export function useLiveJob(id: string): LiveJob {
  const [job, setJob] = useState<Job | null>(null);
  const [curves, setCurves] = useState<CandidateCurves[]>([]);
  const [report, setReport] = useState<JobReport | null>(null);
  const [log, setLog] = useState<string[]>([]);
  const [numSamples, setNumSamples] = useState(0);
  const [connection, setConnection] = useState<LiveJob["connection"]>("waiting");
  const [error, setError] = useState<unknown>(null);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    const end = new AbortController();
    const { signal } = end;
    const finish = () => {
      setConnection("over");
      end.abort();
    };
    let newest = 0;
    const loadAll = async () => {
      const turn = ++newest;
      const [found, drawn, printed] = await Promise.all([
        showJob(id, signal),
        showCurves(id, signal),
        showLog(id, NUM_LINES, signal),
      ]);
      const told = found.num_evaluations > 0 ? await showReport(id, signal) : null;
      if (turn !== newest) return; // it was asked again meanwhile
      setJob(found);
      setCurves(drawn);
      setLog(printed.split("\n").slice(0, -1));
      setReport(told);
      setError(null);
      if (hasEnded(found)) finish();
    };
    const fail = (reason: unknown) => signal.aborted || setError(reason);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const loadSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => void loadAll().catch(fail), SOON_MS);
    };
    const heard = ({ kind, data }: ServerEvent) => {
      if (kind === "progress") {
        const progress = data as unknown as Progress;
        setJob((before) => before && { ...before, progress: { ...before.progress, ...progress } });
        setCurves((before) => withPoint(before, progress));
      } else if (kind === "log") {
        setLog((before) => [...before, String(data.line)].slice(-NUM_LINES));
      } else if (kind === "sample") {
        setNumSamples((before) => before + 1);
      } else if (kind === "restart") {
        const line = text.library.jobs.restarted(count(Number(data.images)));
        setLog((before) => [...before, line].slice(-NUM_LINES));
      }
      if (REASONS.has(kind)) loadSoon();
    };
    const opened = () => {
      setConnection("live");
      void loadAll().catch(fail);
    };
    followJob(id, { opened, heard, lost: () => setConnection("lost") }, signal).catch(fail);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [id, turn]);

  const reload = () => setTurn((before) => before + 1);
  return { job, curves, report, log, numSamples, connection, error, reload, set: setJob };
}

/** The curves with what a training just logged at their ends. */
export function withPoint(
  curves: readonly CandidateCurves[],
  { candidate, images, images_per_second: rate, losses }: Progress,
): CandidateCurves[] {
  if (images === undefined) return [...curves];
  const values = { ...losses, ...(rate === undefined ? {} : { images_per_second: rate }) };
  const before = curves.find((each) => each.candidate === candidate)?.curves ?? {};
  const after = { ...before };
  for (const [name, value] of Object.entries(values)) {
    const points = before[name] ?? [];
    if (images > (points.at(-1)?.[0] ?? -1)) after[name] = [...points, [images, value]];
  }
  const others = curves.filter((each) => each.candidate !== candidate);
  return [...others, { candidate, curves: after }].sort((a, b) => a.candidate - b.candidate);
}
