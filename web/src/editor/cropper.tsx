import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { text } from "../text";
import { canvasOf } from "../ui/canvas";
import { IconButton, WordButton } from "../ui/buttons";
import { Dialog } from "../ui/dialog";
import { Pixels } from "../ui/pixels";
import { usePromise } from "../ui/use_promise";
import { subjectBox } from "./background";
import {
  bounded,
  cut,
  flipped,
  MOST_ANGLE,
  moved,
  resized,
  square,
  turned,
  turnedSize,
  WHOLE,
  zoomed,
  type Crop,
  type Size,
} from "./crop";
import { pixelsOf, rememberCrop } from "./pictures";
import type { PictureInput } from "./session";

const words = text.editor.cropper;
const STEP = 0.01; // of the square's side, for an arrow key; ten times that with Shift
const ZOOM = 1.05; // for a key or a notch of the wheel
const MOST_ZOOM = 8;
const MARGIN = 1.1; // around a subject that is fitted
const SUBJECT_TOLERANCE = 32;

const CORNERS = [
  { name: "nw", right: -1, down: -1 },
  { name: "ne", right: 1, down: -1 },
  { name: "sw", right: -1, down: 1 },
  { name: "se", right: 1, down: 1 },
] as const;

/** A window in which the square that the model sees is chosen. */
export function CropDialog({
  picture,
  onCrop,
  onClose,
}: {
  picture: PictureInput;
  onCrop: (crop: Crop) => void;
  onClose: () => void;
}) {
  const whole = usePromise(() => pixelsOf(picture.sha), [picture.sha]);
  const [crop, setCrop] = useState(picture.crop);
  const done = () => {
    rememberCrop(picture.sha, crop);
    onCrop(crop);
    onClose();
  };
  return (
    <Dialog title={words.title(picture.name)} onClose={onClose} wide>
      <p class="muted">{words.why}</p>
      {whole.state === "done" && whole.value && (
        <div class="cropper">
          <Stage picture={whole.value} crop={crop} onChange={setCrop} />
          <Controls picture={whole.value} crop={crop} onChange={setCrop} />
        </div>
      )}
      <div class="actions">
        <button type="button" onClick={() => setCrop(WHOLE)}>
          {words.reset}
        </button>
        <span class="grow" />
        <button type="button" onClick={onClose}>
          {text.cancel}
        </button>
        <button type="button" class="primary" onClick={done}>
          {text.done}
        </button>
      </div>
    </Dialog>
  );
}

/** The picture with the square on it. */
function Stage({
  picture,
  crop,
  onChange,
}: {
  picture: ImageData;
  crop: Crop;
  onChange: (crop: Crop) => void;
}) {
  const stage = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = turnedSize(picture, crop.turns);
  const { left, top, side } = square(crop, picture);
  useLayoutEffect(() => drawTurned(canvas.current!, picture, crop), [picture, crop]);
  useWheel(stage, (closer) => onChange(zoomed(crop, closer ? ZOOM : 1 / ZOOM, picture)));
  /** Follows the pointer from here on; `change` gets how far it went, in pixels of the picture. */
  const follow = (event: PointerEvent, change: (right: number, down: number) => Crop) => {
    event.preventDefault();
    event.stopPropagation();
    const target = event.currentTarget as HTMLElement;
    const scale = width / stage.current!.clientWidth;
    target.focus();
    target.setPointerCapture(event.pointerId);
    target.onpointermove = (now) =>
      onChange(
        change((now.clientX - event.clientX) * scale, (now.clientY - event.clientY) * scale),
      );
    target.onlostpointercapture = () => (target.onpointermove = null);
  };
  return (
    <div class="crop-stage" ref={stage} style={{ aspectRatio: `${width} / ${height}`, "--ratio": width / height }}>
      <canvas ref={canvas} aria-hidden="true" />
      <div
        class="crop-square"
        role="application"
        tabIndex={0}
        aria-label={words.square}
        style={{
          left: percent(left / width),
          top: percent(top / height),
          width: percent(side / width),
          height: percent(side / height),
        }}
        onPointerDown={(event) =>
          follow(event, (right, down) => moved(crop, right, down, picture))
        }
        onKeyDown={(event) => {
          const next = afterKey(event, crop, picture);
          if (!next) return;
          event.preventDefault();
          onChange(next);
        }}
      >
        {CORNERS.map((corner) => (
          <span
            class={`corner ${corner.name}`}
            onPointerDown={(event) =>
              follow(event, (right, down) => resized(crop, corner, { right, down }, picture))
            }
          />
        ))}
      </div>
    </div>
  );
}

function Controls({
  picture,
  crop,
  onChange,
}: {
  picture: ImageData;
  crop: Crop;
  onChange: (crop: Crop) => void;
}) {
  const fit = fitted(picture, crop);
  return (
    <div class="crop-controls">
      <figure class="crop-preview">
        <Pixels picture={cut(picture, crop)} label={words.preview} side={160} />
        <figcaption class="muted">{words.preview}</figcaption>
      </figure>
      <label class="field">
        {words.zoom}
        <input
          type="range"
          min={Math.log2(Math.min(picture.width, picture.height) / Math.max(picture.width, picture.height))}
          max={Math.log2(MOST_ZOOM)}
          step="0.01"
          value={-Math.log2(crop.side)}
          onInput={(event) => {
            const side = 1 / 2 ** Number(event.currentTarget.value);
            onChange(bounded({ ...crop, side }, picture));
          }}
        />
      </label>
      <label class="field">
        {words.angle}
        <input
          type="range"
          min={-MOST_ANGLE}
          max={MOST_ANGLE}
          step="1"
          value={crop.angle}
          aria-valuetext={`${crop.angle}°`}
          onInput={(event) => onChange({ ...crop, angle: Number(event.currentTarget.value) })}
        />
      </label>
      <div class="tools">
        <IconButton icon="turnLeft" label={words.turnLeft} onClick={() => onChange(turned(crop, -1))} />
        <IconButton icon="turnRight" label={words.turnRight} onClick={() => onChange(turned(crop, 1))} />
        <IconButton
          icon="flip"
          label={words.flip}
          aria-pressed={crop.flipped}
          onClick={() => onChange(flipped(crop))}
        />
        <WordButton icon="target" disabled={!fit} onClick={() => fit && onChange(fit)}>
          {words.fit}
        </WordButton>
      </div>
    </div>
  );
}

/** What a key does to the crop; null: nothing. */
function afterKey(event: KeyboardEvent, crop: Crop, size: Size): Crop | null {
  const step = square(crop, size).side * STEP * (event.shiftKey ? 10 : 1);
  switch (event.key) {
    case "ArrowLeft":
      return moved(crop, -step, 0, size);
    case "ArrowRight":
      return moved(crop, step, 0, size);
    case "ArrowUp":
      return moved(crop, 0, -step, size);
    case "ArrowDown":
      return moved(crop, 0, step, size);
    case "+":
    case "=":
      return zoomed(crop, 1 / ZOOM, size);
    case "-":
      return zoomed(crop, ZOOM, size);
    default:
      return null;
  }
}

/** A square around what is not background; null where the picture has no plain one. */
function fitted(picture: ImageData, crop: Crop): Crop | null {
  const upright = { ...crop, angle: 0, x: 0.5, y: 0.5 };
  const size = turnedSize(picture, crop.turns);
  const shorter = Math.min(size.width, size.height);
  const all = bounded({ ...upright, side: Math.max(size.width, size.height) / shorter }, picture);
  const seen = cut(picture, all);
  const box = subjectBox(seen, SUBJECT_TOLERANCE);
  if (!box || (box.right - box.left) * (box.bottom - box.top) > 0.95 * size.width * size.height) {
    return null;
  }
  const { left, top } = square(all, picture);
  const side = MARGIN * Math.max(box.right - box.left, box.bottom - box.top);
  return bounded(
    {
      ...upright,
      side: side / shorter,
      x: (left + (box.left + box.right) / 2) / size.width,
      y: (top + (box.top + box.bottom) / 2) / size.height,
    },
    picture,
  );
}

/** The picture turned and mirrored; by degrees about the square's middle, which stays upright. */
function drawTurned(canvas: HTMLCanvasElement, picture: ImageData, crop: Crop): void {
  const { width, height } = turnedSize(picture, crop.turns);
  const scale = Math.max(1, 640 / Math.max(width, height)); // small ones are enlarged smoothly
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.scale(canvas.width / width, canvas.height / height);
  context.translate(crop.x * width, crop.y * height);
  context.rotate((crop.angle * Math.PI) / 180);
  context.translate(width / 2 - crop.x * width, height / 2 - crop.y * height);
  context.rotate((crop.turns * Math.PI) / 2);
  if (crop.flipped) context.scale(-1, 1);
  context.drawImage(canvasOf(picture), -picture.width / 2, -picture.height / 2);
}

/** The wheel, which must not move the page: a listener of Preact could not forbid it that. */
function useWheel(target: { current: HTMLElement | null }, turn: (closer: boolean) => void): void {
  const latest = useRef(turn);
  latest.current = turn;
  useEffect(() => {
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      latest.current(event.deltaY < 0);
    };
    target.current!.addEventListener("wheel", wheel, { passive: false });
    return () => target.current?.removeEventListener("wheel", wheel);
  }, []);
}

function percent(share: number): string {
  return `${100 * share}%`;
}
