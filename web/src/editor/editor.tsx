import { useEffect, useRef, useState } from "preact/hooks";
import type { Wish } from "../engines/choose";
import { text } from "../text";
import { bytes } from "../ui/format";
import { Choice, IconButton } from "../ui/buttons";
import { ErrorNote } from "../ui/notes";
import { Live } from "./dialogs";
import { useStrayFiles } from "./drop_zone";
import "./editor.css";
import { HistoryStrip } from "./history_strip";
import { missingPictures } from "./inputs";
import { LookWell } from "./look_well";
import { OutputPanel } from "./output_panel";
import { addPicture, FileError, forgetPictures } from "./pictures";
import { PoseWell } from "./pose_well";
import { ResultPanel, type PictureView } from "./result_panel";
import { MOST_EXAMPLES, picturesOf, withExamples, withLook, type PictureInput, type Session } from "./session";
import { SheetPanel } from "./sheet_panel";
import { Surprises } from "./surprise";
import { useEngine, type EngineState, type Ready } from "./use_engine";
import { useHistory } from "./use_history";
import { useModels } from "./use_models";
import { useOutput } from "./use_output";
import { useSession, type SessionState } from "./use_session";
import { useSheet } from "./use_sheet";
import { useTranslation } from "./use_translation";

const words = text.editor;
type View = PictureView | "sheet" | "live";

/** The image editor: what goes in, what comes out of it, how it leaves, and what there was before. */
export function Editor() {
  const state = useSession();
  const { session } = state;
  const [attempt, setAttempt] = useState(0);
  const again = () => setAttempt((n) => n + 1);
  const engine = useEngine(state.model, attempt);
  const { ready, error } = engine;
  useEffect(() => {
    if (ready) state.fit(ready.engine.facts);
  }, [ready, state.model]);
  const [view, setView] = useState<View>("result");
  const [output, setOutput] = useOutput();
  const [liveFile, setLiveFile] = useState<File | null>(null);
  const { result, standing, retry } = useTranslation(ready, view === "live" ? null : session, attempt);
  const sheet = useSheet(ready, session, view === "sheet", attempt);
  const history = useHistory(result, state.sessions);
  const files = useFiles(state, again, (file) => {
    setLiveFile(file);
    setView("live");
  });
  useShortcuts(state);
  useOnline(again);
  useForgetting(session);
  const surprise = useSurprise(ready, state);

  return (
    <div class="editor">
      <h1 class="hidden">{words.title}</h1>
      <div class="top-area">
        <Toolbar state={state} engine={engine} attempt={attempt} view={view} onView={setView} />
        <EngineNotes engine={engine} />
        {state.error !== null && <ErrorNote error={new FileError(words.badLink, words.badLinkHint)} />}
        {error !== null && <ErrorNote error={error} onRetry={again} />}
        {files.error !== null && <ErrorNote error={files.error} />}
        {surprise.error !== null && <ErrorNote error={surprise.error} />}
      </div>
      <div class="wells" role="group" aria-label={words.wells}>
        <PoseWell
          pose={session ? session.pose : undefined}
          ready={ready}
          attempt={attempt}
          onFiles={(found) => files.add(found, "pose")}
          onChange={(pose) => state.change((before) => ({ ...before, pose }))}
          onSurprise={surprise.go}
        />
        {!session && <section class="well card waiting" />}
        {session && (
          <LookWell
            session={session}
            ready={ready}
            attempt={attempt}
            onFiles={(found, index) => files.add(found, index)}
            onChange={state.change}
          />
        )}
      </div>
      <section class="outcome" aria-label={words.result.title}>
        {view === "live" ? (
          ready &&
          session &&
          !ready.isInterim && (
            <Live
              engine={ready.engine}
              session={session}
              file={liveFile}
              onFile={setLiveFile}
              isSharp={output.sharp}
            />
          )
        ) : view === "sheet" ? (
          <SheetPanel
            ready={ready}
            sheet={sheet}
            output={output}
            onUse={(pose) => state.change((before) => ({ ...before, pose }))}
            onRetry={again}
          />
        ) : (
          <ResultPanel
            view={view}
            result={result}
            standing={error === null ? standing : { kind: "idle" }}
            output={output}
            isPrivate={engine.wish === "device"}
            onRetry={retry}
          />
        )}
      </section>
      {view !== "live" && (
        <OutputPanel
          output={output}
          onChange={setOutput}
          ready={ready}
          result={result}
          sheet={sheet}
          isSheet={view === "sheet"}
        />
      )}
      <HistoryStrip history={history} session={session} onUse={state.change} />
    </div>
  );
}

function Toolbar({
  state,
  engine,
  attempt,
  view,
  onView,
}: {
  state: SessionState;
  engine: EngineState;
  attempt: number;
  view: View;
  onView: (view: View) => void;
}) {
  const { session, change, undo, redo } = state;
  const models = useModels(attempt);
  const model = session?.model;
  const shown = model && !models.includes(model) ? [model, ...models] : models;
  return (
    <div class="toolbar">
      <Choice
        label={words.views.label}
        value={view}
        options={(["result", "compare", "beside", "sheet", "live"] as const).map((value) => ({
          value,
          name: words.views[value],
        }))}
        onChange={onView}
      />
      <div class="tools">
        <IconButton icon="undo" label={words.undo} disabled={!undo} onClick={() => undo?.()} />
        <IconButton icon="redo" label={words.redo} disabled={!redo} onClick={() => redo?.()} />
        <label class="field row">
          <span class="select-name">{words.model}</span>
          <select
            value={model}
            disabled={!session}
            onChange={(event) => {
              const chosen = event.currentTarget.value;
              change((before) => ({ ...before, model: chosen }));
            }}
          >
            {shown.map((each) => (
              <option>{each}</option>
            ))}
          </select>
        </label>
        <label class="field row" title={words.where.why}>
          <span class="select-name">{words.where.title}</span>
          <select
            value={engine.wish}
            onChange={(event) => engine.setWish(event.currentTarget.value as Wish)}
          >
            {(["auto", "device", "server"] as const).map((each) => (
              <option value={each}>{words.where[each]}</option>
            ))}
          </select>
        </label>
      </div>
    </div>
  );
}

/** How far the model has come to the device, or why it does not. */
function EngineNotes({ engine: { loading, fallback } }: { engine: EngineState }) {
  return (
    <>
      {loading && loading.loaded < loading.total && (
        <label class="loading muted">
          {words.where.loading(bytes(loading.loaded), bytes(loading.total))}
          <progress value={loading.loaded} max={loading.total} />
        </label>
      )}
      {fallback && (
        <div class="note warning" role="status">
          <strong>{words.where.fallback}</strong> {fallback.message} {fallback.hint}
        </div>
      )}
    </>
  );
}

/** Takes files in where they were dropped, picked or pasted. */
function useFiles(state: SessionState, again: () => void, onVideo: (file: File) => void) {
  const [error, setError] = useState<unknown>(null);
  const now = useRef(state);
  now.current = state;
  const queue = useRef(Promise.resolve()); // a large file does not come after a later small one
  const add = (files: File[], where: "pose" | number) => {
    const video = files.find((file) => file.type.startsWith("video/"));
    if (video) onVideo(video);
    else queue.current = queue.current.then(() => take(files, where));
  };
  const take = async (files: File[], where: "pose" | number) => {
    setError(null);
    try {
      const missing = now.current.session ? await missingPictures(now.current.session) : [];
      const wanted = new Set(missing.map(({ sha }) => sha));
      const added = [];
      for (const file of files) added.push(await addPicture(file));
      const fresh = added.filter(({ sha }) => !wanted.has(sha));
      if (fresh.length < added.length) again(); // what a link asked for is here
      if (fresh.length) now.current.change((before) => withPictures(before, fresh, where));
      if (isTooMuch(now.current.session, fresh, where)) {
        throw new FileError(words.files.tooMany, words.files.tooManyHint);
      }
    } catch (problem) {
      setError(problem);
    }
  };
  useStrayFiles((files, target) => {
    const look = target instanceof Element ? target.closest("[data-well=look]") : null;
    const index = target instanceof Element ? target.closest<HTMLElement>("[data-look]") : null;
    add(files, look ? Number(index?.dataset.look ?? 0) : "pose");
  });
  return { error, add };
}

function withPictures(session: Session, pictures: PictureInput[], where: "pose" | number): Session {
  if (where === "pose") return { ...session, pose: pictures[0]! };
  return withLook(session, where, withExamples(session.looks[where]!, pictures));
}

function isTooMuch(session: Session | null, added: PictureInput[], where: "pose" | number): boolean {
  const look = where === "pose" ? undefined : session?.looks[where];
  const before = look?.kind === "examples" ? look.examples.length : 0;
  return where !== "pose" && before + added.length > MOST_EXAMPLES;
}

function useSurprise(ready: Ready | null, { session, change }: SessionState) {
  const [error, setError] = useState<unknown>(null);
  const now = useRef(session);
  now.current = session;
  const surprises = useRef<{ of: Ready; surprises: Surprises } | null>(null);
  const go = () => {
    if (!ready) return;
    if (surprises.current?.of !== ready) {
      surprises.current = { of: ready, surprises: new Surprises(ready.engine, ready.gallery) };
    }
    setError(null);
    surprises.current.surprises.next(session?.pose ?? null).then((pose) => {
      if (now.current === session) change((before) => ({ ...before, pose })); // else it comes too late
    }, setError);
  };
  return { error, go };
}

/** Ctrl+Z and Ctrl+Shift+Z, or Ctrl+Y, except where text is written. */
function useShortcuts({ undo, redo }: SessionState): void {
  const now = useRef({ undo, redo });
  now.current = { undo, redo };
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isText =
        event.target instanceof HTMLElement &&
        event.target.matches("textarea, input:not([type=range], [type=radio], [type=checkbox])");
      if (!(event.ctrlKey || event.metaKey) || event.altKey || isText) return;
      if (document.querySelector("dialog[open]")) return;
      const key = event.key.toLowerCase();
      const step =
        key === "y" || (key === "z" && event.shiftKey)
          ? now.current.redo
          : key === "z"
            ? now.current.undo
            : null;
      if (!step) return;
      event.preventDefault();
      step();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

/** Tries again when the network is back. */
function useOnline(again: () => void): void {
  useEffect(() => {
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, []);
}

/** Pictures that are in no session on the page leave the memory; the browser still keeps them. */
function useForgetting(session: Session | null): void {
  useEffect(() => {
    if (session) forgetPictures(new Set(picturesOf(session).map(({ sha }) => sha)));
  }, [session]);
}
