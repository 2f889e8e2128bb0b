import { useEffect, useRef, useState } from "preact/hooks";
import { ServiceError } from "../api/client";
import type { Engine, Pixels, Strangeness } from "../engines/engine";
import { lookOf, MissingPictures, poseOf } from "./inputs";
import { Latest } from "./latest";
import { isComplete, type Session } from "./session";
import { maySee, type Ready } from "./use_engine";

export interface Result {
  session: Session;
  pixels: Pixels;
  /** The pose as a picture. */
  pose: Pixels;
  milliseconds: number;
  place: Engine["place"];
  means: string;
  strangeness: Strangeness | null;
}

/** How it stands with the result of what is asked now. */
export type Standing =
  /** There is no engine. */
  | { kind: "idle" }
  | { kind: "done" }
  | { kind: "empty" }
  | { kind: "working" }
  | { kind: "missing"; error: MissingPictures }
  /** `retryAt`: when it is tried again by itself, in milliseconds since 1970. */
  | { kind: "failed"; error: unknown; retryAt: number | null };

const WAIT = 80; // milliseconds without a change before it is asked for
const AGAIN = [2, 4, 8, 15, 30]; // seconds, where the service does not say
const PASSES = new Set([0, 429, 503]); // what goes away by itself

/** The newest result, and how it stands with the one that is asked for. */
export function useTranslation(
  ready: Ready | null,
  session: Session | null,
  attempt: number,
): { result: Result | null; standing: Standing; retry: () => void } {
  const [result, setResult] = useState<Result | null>(null);
  const [standing, setStanding] = useState<Standing>({ kind: "working" });
  const [again, setAgain] = useState(0);
  const latest = useRef(new Latest(WAIT)).current;
  const failures = useRef(0);
  const engine = ready?.engine;
  const isReady = engine !== undefined && engine.facts.model === session?.model;

  useEffect(() => {
    if (!isReady || !session) return latest.drop();
    if (!isComplete(session)) {
      latest.drop();
      return setStanding({ kind: "empty" });
    }
    setStanding({ kind: "working" });
    if (!maySee(ready!, session)) return latest.drop(); // until the device has loaded the model
    latest.run(
      (signal) => translated(ready!, session, signal),
      (found) => {
        failures.current = 0;
        setResult(found);
        setStanding({ kind: "done" });
      },
      (error) => setStanding(failed(error, failures.current++)),
    );
  }, [ready, isReady, session, attempt, again]);

  useEffect(() => () => latest.drop(), []);
  const retryAt = standing.kind === "failed" ? standing.retryAt : null;
  useEffect(() => {
    if (retryAt === null) return;
    const timer = setTimeout(() => setAgain((n) => n + 1), retryAt - Date.now());
    return () => clearTimeout(timer);
  }, [retryAt]);
  return { result, standing, retry: () => setAgain((n) => n + 1) };
}

async function translated({ engine, gallery }: Ready, session: Session, signal: AbortSignal) {
  const [pose, look] = await Promise.all([poseOf(session), lookOf(session)]);
  signal.throwIfAborted();
  const [{ images, milliseconds, strangeness }, shown] = await Promise.all([
    engine.translate([pose], look, signal),
    pose.kind === "picture" ? pose.pixels : gallery.pose(pose.name),
  ]);
  const { place, means } = engine;
  return { session, pixels: images[0]!, pose: shown, milliseconds, place, means, strangeness };
}

function failed(error: unknown, failures: number): Standing {
  if (error instanceof MissingPictures) return { kind: "missing", error };
  const passes = error instanceof ServiceError && PASSES.has(error.status);
  const seconds = passes ? (error.retryAfter ?? AGAIN[Math.min(failures, AGAIN.length - 1)]!) : null;
  return { kind: "failed", error, retryAt: seconds === null ? null : Date.now() + 1000 * seconds };
}
