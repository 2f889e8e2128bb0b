import { useLayoutEffect, useRef } from "preact/hooks";
import type { Picture } from "../engines/fit";
import { canvasOf } from "./canvas";

/** The middle square of a picture, as large as its place; `side` is about that, in CSS pixels. */
export function Pixels({
  picture,
  label,
  side,
  sharp = false,
}: {
  picture: Picture;
  /** What it shows; empty where the words beside it say so. */
  label: string;
  side: number;
  /** Its pixels are shown as squares. */
  sharp?: boolean;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (canvas.current) draw(canvas.current, picture, sharp ? null : side);
  }, [picture, side, sharp]);
  const named = label ? { role: "img" as const, "aria-label": label } : { "aria-hidden": true };
  return <canvas ref={canvas} class={sharp ? "pixels sharp" : "pixels"} {...named} />;
}

/** The browser enlarges a drawing better than it stretches a canvas. */
function draw(canvas: HTMLCanvasElement, picture: Picture, side: number | null): void {
  const from = Math.min(picture.width, picture.height);
  const to = side === null ? from : Math.round(side * Math.min(devicePixelRatio, 2));
  canvas.width = canvas.height = to;
  const context = canvas.getContext("2d")!;
  context.imageSmoothingEnabled = to !== from;
  context.imageSmoothingQuality = "high";
  const left = (picture.width - from) / 2;
  const top = (picture.height - from) / 2;
  context.drawImage(canvasOf(picture), left, top, from, from, 0, 0, to, to);
}
