import { useEffect, useRef, useState } from "preact/hooks";
import type { Pixels, Pose } from "../engines/engine";
import { lookOf } from "./inputs";
import { Latest } from "./latest";
import { patiently } from "./patience";
import { isComplete, type Session } from "./session";
import { maySee, type Ready } from "./use_engine";

const AT_ONCE = 8; // poses of one request: the first are seen while the others are drawn
const WAIT = 150; // milliseconds without a change before it is drawn

export interface Sheet {
  /** In the order of the model's gallery; those that are not drawn yet are those of the look before. */
  images: readonly (Pixels | undefined)[];
  /** How many are of this look. */
  numDrawn: number;
  error: unknown;
}

const NONE: Sheet = { images: [], numDrawn: 0, error: null };

/** All poses of the gallery in the session's look, drawn while it `isOpen`. */
export function useSheet(
  ready: Ready | null,
  session: Session | null,
  isOpen: boolean,
  attempt: number,
): Sheet {
  const [sheet, setSheet] = useState<Sheet>(NONE);
  const latest = useRef(new Latest(WAIT)).current;
  const drawn = useRef("");
  const look = session && JSON.stringify([session.model, session.looks, session.share]);
  useEffect(() => {
    if (!isOpen || !ready || !session || ready.engine.facts.model !== session.model) return;
    if (!maySee(ready, { ...session, pose: null })) return;
    if (drawn.current === look || !isComplete({ ...session, pose: { kind: "gallery", name: "" } })) {
      return;
    }
    setSheet((before) => ({ ...before, numDrawn: 0, error: null }));
    latest.run(
      (signal) => draw(ready, session, signal, setSheet),
      () => void (drawn.current = look!),
      (error) => setSheet((before) => ({ ...before, error })),
    );
    return () => latest.drop();
  }, [ready, look, isOpen, attempt]);
  return sheet;
}

async function draw(
  { engine }: Ready,
  session: Session,
  signal: AbortSignal,
  show: (change: (before: Sheet) => Sheet) => void,
): Promise<void> {
  const look = await lookOf(session);
  const { poses } = engine.facts;
  for (let start = 0; start < poses.length; start += AT_ONCE) {
    const some = poses.slice(start, start + AT_ONCE).map((name): Pose => ({ kind: "gallery", name }));
    const { images } = await patiently(() => engine.translate(some, look, signal), signal);
    signal.throwIfAborted();
    show(({ images: before }) => {
      const now = poses.map((_, n) => images[n - start] ?? before[n]);
      return { images: now, numDrawn: start + images.length, error: null };
    });
  }
}
