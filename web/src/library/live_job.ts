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
    let lines: Lines = { printed: null, told: [] };
    const show = (changed: Lines) => {
      lines = changed;
      if (lines.printed) setLog(joined(lines.printed, lines.told).slice(-NUM_LINES));
    };
    const loadAll = async () => {
      const turn = ++newest;
      const [found, drawn] = await Promise.all([showJob(id, signal), showCurves(id, signal)]);
      const asksLog = lines.printed === null || hasEnded(found); // else it is told
      const [measured, log] = await Promise.all([
        found.num_evaluations > 0 ? showReport(id, signal) : null,
        asksLog ? showLog(id, NUM_LINES, signal) : null,
      ]);
      if (turn !== newest) return; // it was asked again meanwhile
      setJob(found);
      setCurves(drawn);
      setReport(measured);
      if (log !== null) {
        show({ printed: log.split("\n").slice(0, -1), told: hasEnded(found) ? [] : lines.told });
      }
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
        show(withLine(lines, String(data.line)));
      } else if (kind === "sample") {
        setNumSamples((before) => before + 1);
      } else if (kind === "restart") {
        show(withLine(lines, text.library.jobs.restarted(count(Number(data.images)))));
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

/** The lines of a log: those that had been printed when it was asked for, and those told since. */
interface Lines {
  /** null: it was not answered yet. */
  printed: string[] | null;
  told: string[];
}

function withLine({ printed, told }: Lines, line: string): Lines {
  const all = [...told, line];
  if (all.length <= NUM_LINES) return { printed, told: all };
  return { printed: printed && [], told: all.slice(-NUM_LINES) }; // what was before is out of sight
}

/**
 * The lines that were printed, and those that were told: some are both, the last of the ones and the
 * first of the others. Empty lines are not told, and of long ones the start alone.
 */
export function joined(printed: readonly string[], told: readonly string[]): string[] {
  const lines = printed.filter((line) => line.trim() !== "");
  let both = Math.min(lines.length, told.length);
  while (both > 0 && !lines.slice(-both).every((line, n) => line.startsWith(told[n]!))) both--;
  return [...printed, ...told.slice(both)];
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
