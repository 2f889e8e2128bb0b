/** What was, what is, and what was taken back. */
import { isSame, type Session } from "./session";

export interface Timeline {
  past: readonly Session[];
  present: Session;
  future: readonly Session[];
  /** What the last change was about: more of the same within a moment is one change. */
  about: { what: string; at: number } | null;
}

const MOST = 100;
const MOMENT = 1000; // milliseconds

export function begun(present: Session): Timeline {
  return { past: [], present, future: [], about: null };
}

/** After a change; `what` joins changes in quick succession, as those of a slider. */
export function changed(
  timeline: Timeline,
  present: Session,
  what: string | null,
  at: number,
): Timeline {
  if (isSame(timeline.present, present)) return timeline;
  const { past, about } = timeline;
  const goesOn = what !== null && about?.what === what && at - about.at < MOMENT;
  return {
    past: goesOn ? past : [...past, timeline.present].slice(-MOST),
    present,
    future: [],
    about: what === null ? null : { what, at },
  };
}

/** The present as it should have been: nothing that could be taken back. */
export function amended(timeline: Timeline, present: Session): Timeline {
  return { ...timeline, present };
}

export function undone(timeline: Timeline): Timeline {
  const { past, present, future } = timeline;
  const before = past.at(-1);
  if (!before) return timeline;
  return { past: past.slice(0, -1), present: before, future: [present, ...future], about: null };
}

export function redone(timeline: Timeline): Timeline {
  const { past, present, future } = timeline;
  const [after, ...later] = future;
  if (!after) return timeline;
  return { past: [...past, present], present: after, future: later, about: null };
}
