import { useEffect, useRef, useState } from "preact/hooks";
import type { ModelFacts } from "../engines/engine";
import { query } from "../route";
import { decodeSession, EMBEDDED } from "./link";
import { addPicture } from "./pictures";
import { adapted, opening, picturesOf, type PictureInput, type Session } from "./session";
import { find, keep } from "./storage";
import { amended, begun, changed, redone, undone, type Timeline } from "./timeline";

export interface SessionState {
  /** null: it is not known yet, or it is that of a first visit and waits for the model. */
  session: Session | null;
  /** All that undo and redo lead to. */
  sessions: readonly Session[];
  /** null: the service's default; undefined: it is not known yet. */
  model: string | null | undefined;
  /** Why a link could not be opened. */
  error: unknown;
  /** `what` joins changes in quick succession, as those of a slider, to one that is undone at once. */
  change: (next: Session | ((session: Session) => Session), what?: string) => void;
  undo: (() => void) | null;
  redo: (() => void) | null;
  /** What the session lacks of a model that is ready is filled in; that is not undone. */
  fit: (facts: ModelFacts) => void;
}

/** The session: that of the address, else what was open last, else what the model opens with. */
export function useSession(): SessionState {
  const [timeline, setTimeline] = useState<Timeline | null>(null);
  const [wanted, setWanted] = useState<string | null | undefined>(undefined);
  const [error, setError] = useState<unknown>(null);
  const now = useRef(timeline);
  now.current = timeline;

  useEffect(() => {
    const open = () =>
      started(now.current?.present ?? null).then(
        ({ session, model }) => {
          if (session) setTimeline((before) => (before ? changed(before, session, null, 0) : begun(session)));
          setWanted(session?.model ?? model);
        },
        (problem) => {
          setError(problem);
          setWanted(null);
        },
      );
    void open();
    const other = () => query().size && void open();
    addEventListener("hashchange", other);
    return () => removeEventListener("hashchange", other);
  }, []);

  const session = timeline?.present ?? null;
  const model = session ? session.model : wanted;
  useEffect(() => {
    if (session) void keep("open", { key: "session", session });
  }, [session]);

  const step = (take: (timeline: Timeline) => Timeline) => () => setTimeline((t) => t && take(t));
  const sessions = timeline ? [...timeline.past, timeline.present, ...timeline.future] : [];
  return {
    session,
    sessions,
    model,
    error,
    change: (next, what) => {
      setError(null);
      if (location.hash.includes("?")) history.replaceState(null, "", "#/"); // it says something else
      setTimeline((before) => {
        if (!before) return before;
        const present = typeof next === "function" ? next(before.present) : next;
        return changed(before, present, what ?? null, Date.now());
      });
    },
    undo: timeline?.past.length ? step(undone) : null,
    redo: timeline?.future.length ? step(redone) : null,
    fit: (facts) =>
      setTimeline((before) => {
        if (!before) return begun(opening(facts));
        const isAsked = sameModel(before.present.model, facts.model);
        return isAsked ? amended(before, adapted(before.present, facts)) : before;
      }),
  };
}

/** What the address asks for, else what was open last. `before`: what is open now. */
async function started(before: Session | null): Promise<{ session: Session | null; model: string | null }> {
  const asked = query();
  const word = asked.get("s");
  if (word) {
    const session = await opened(word);
    return { session, model: session.model };
  }
  const last = before ?? (await find("open", "session"))?.session ?? null;
  const model = asked.get("model");
  return { session: last && model ? { ...last, model } : last, model };
}

/** The session of a link; the pictures in it are taken in. */
async function opened(word: string): Promise<Session> {
  const { session, embedded } = await decodeSession(word);
  const taken = new Map<string, PictureInput>();
  for (const each of picturesOf(session)) {
    if (!each.sha.startsWith(EMBEDDED)) continue;
    const file = embedded[Number(each.sha.slice(EMBEDDED.length))]!;
    taken.set(each.sha, await addPicture(new File([file], each.name, { type: "image/png" })));
  }
  return renamed(session, (each) => ({ ...each, sha: taken.get(each.sha)?.sha ?? each.sha }));
}

function renamed(session: Session, rename: <P extends PictureInput>(picture: P) => P): Session {
  const { pose, looks } = session;
  const [first, second] = looks.map((look) =>
    look.kind === "examples" ? { ...look, examples: look.examples.map(rename) } : look,
  );
  return {
    ...session,
    pose: pose?.kind === "picture" ? rename(pose) : pose,
    looks: second ? [first!, second] : [first!],
  };
}

/** `default` and `default@production` may stand for `default@2`. */
function sameModel(asked: string, found: string): boolean {
  const [name, version] = asked.split("@");
  const isAlias = version === undefined || !/^\d+$/.test(version);
  return asked === found || (isAlias && name === found.split("@")[0]);
}
