import { useEffect, useState } from "preact/hooks";
import type { Engine, Pixels as PixelData, Pose } from "../engines/engine";
import { text } from "../text";
import { FileButton, WordButton } from "../ui/buttons";
import { Empty, ErrorNote } from "../ui/notes";
import { Pixels } from "../ui/pixels";
import { DropZone } from "./drop_zone";
import { cameraFrames, fileFrames, type Frames } from "./frames";
import { lookOf } from "./inputs";
import { patiently } from "./patience";
import type { Session } from "./session";

const words = text.editor.live;
const COUNTED = 15; // frames over which the rate is taken
const APART = { server: 125, device: 0 }; // milliseconds at least: a service has other guests

interface Drawn {
  frame: PixelData;
  result: PixelData;
  perSecond: number;
}

/** The camera, a video or a GIF, redrawn frame by frame in the look. */
export function Live({
  engine,
  session,
  file,
  onFile,
  isSharp,
}: {
  engine: Engine;
  session: Session;
  /** A video or a GIF that was dropped. */
  file: File | null;
  onFile: (file: File | null) => void;
  isSharp: boolean;
}) {
  const [isCamera, setCamera] = useState(false);
  const [isPlaying, setPlaying] = useState(true);
  const [isMirrored, setMirrored] = useState(true);
  const [frames, error, setError] = useFrames(file, isCamera);
  const drawn = useDrawn(frames, engine, session, isCamera && isMirrored, setError);
  useEffect(() => frames?.setPlaying(isPlaying), [frames, isPlaying]);
  const pick = (files: File[]) => {
    setCamera(false);
    setPlaying(true);
    onFile(files[0] ?? null);
  };
  const stopAll = () => {
    setCamera(false);
    onFile(null);
  };
  return (
    <DropZone onFiles={pick} class="live">
      {error !== null && <ErrorNote error={error} />}
      {drawn ? (
        <div class="beside">
          <figure>
            <Pixels picture={drawn.frame} label={words.source} side={480} />
            <figcaption class="muted">{words.source}</figcaption>
          </figure>
          <figure>
            <Pixels picture={drawn.result} label={text.editor.result.title} side={480} sharp={isSharp} />
            <figcaption class="muted">{text.editor.result.title}</figcaption>
          </figure>
        </div>
      ) : (
        <Empty>
          {frames || ((file || isCamera) && error === null) ? (
            text.loading
          ) : (
            <>
              <strong>{words.why}</strong>
              <br />
              {words.drop}
            </>
          )}
        </Empty>
      )}
      <div class="tools">
        <WordButton icon="camera" disabled={isCamera} onClick={() => (onFile(null), setCamera(true))}>
          {words.camera}
        </WordButton>
        <FileButton icon="picture" label={words.open} accept="video/*,image/gif" onFiles={pick} />
        {frames && (
          <>
            <WordButton
              icon={isPlaying ? "pause" : "play"}
              onClick={() => setPlaying(!isPlaying)}
            >
              {isPlaying ? words.pause : words.play}
            </WordButton>
            <WordButton icon="close" onClick={stopAll}>
              {words.stop}
            </WordButton>
          </>
        )}
        {isCamera && (
          <label class="check">
            <input
              type="checkbox"
              checked={isMirrored}
              onChange={(event) => setMirrored(event.currentTarget.checked)}
            />
            {words.mirror}
          </label>
        )}
      </div>
      <p class="facts">
        {drawn && words.rate(drawn.perSecond.toFixed(1), text.editor.result.places[engine.place])}
      </p>
    </DropZone>
  );
}

/** The frames of what was chosen; they are closed when something else is. */
function useFrames(
  file: File | null,
  isCamera: boolean,
): [Frames | null, unknown, (error: unknown) => void] {
  const [frames, setFrames] = useState<Frames | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    setError(null);
    if (!file && !isCamera) return;
    let opened: Frames | null = null;
    let isWanted = true;
    (isCamera ? cameraFrames() : fileFrames(file!)).then(
      (found) => {
        opened = found;
        if (isWanted) setFrames(found);
        else found.close();
      },
      (problem) => isWanted && setError(problem),
    );
    return () => {
      isWanted = false;
      opened?.close();
      setFrames(null);
    };
  }, [file, isCamera]);
  return [frames, error, setError];
}

/** The newest frame with its translation, as fast as they come. */
function useDrawn(
  frames: Frames | null,
  engine: Engine,
  session: Session,
  isMirrored: boolean,
  onError: (error: unknown) => void,
): Drawn | null {
  const [drawn, setDrawn] = useState<Drawn | null>(null);
  const look = JSON.stringify([session.looks, session.share]);
  useEffect(() => {
    if (!frames) return setDrawn(null);
    const controller = new AbortController();
    const { signal } = controller;
    const goOn = async () => {
      const prepared = await lookOf(session);
      const times: number[] = [];
      while (!signal.aborted) {
        const started = performance.now();
        const frame = frames.now(isMirrored);
        if (frame) {
          const pose: Pose = { kind: "picture", pixels: frame };
          const { images } = await patiently(() => engine.translate([pose], prepared, signal), signal);
          const result = images[0]!;
          times.push(performance.now());
          if (times.length > COUNTED) times.shift();
          setDrawn({ frame, result, perSecond: rate(times) });
        }
        const rest = APART[engine.place] - (performance.now() - started);
        await new Promise((resolve) => (rest > 16 ? setTimeout(resolve, rest) : requestAnimationFrame(resolve)));
      }
    };
    goOn().catch((error) => signal.aborted || onError(error));
    return () => controller.abort();
  }, [frames, engine, look, isMirrored]);
  return drawn;
}

/** Frames a second, of when each was ready. */
function rate(times: readonly number[]): number {
  const first = times[0]!;
  const last = times.at(-1)!;
  return last > first ? (1000 * (times.length - 1)) / (last - first) : 0;
}
