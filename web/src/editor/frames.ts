/** Moving pictures for the live view: the camera, a video, an animated GIF. */
import { text } from "../text";
import { openCamera, stop } from "./camera";
import { FileError } from "./pictures";

const SIDE = 256; // pixels of a frame's middle square: models see less
const MOST_FRAMES = 400; // of a GIF, kept decoded

export interface Frames {
  /** The middle square as it is now; null: there is none yet. */
  now: (isMirrored: boolean) => ImageData | null;
  setPlaying: (isPlaying: boolean) => void;
  close: () => void;
}

export async function cameraFrames(): Promise<Frames> {
  const stream = await openCamera();
  const video = await playing((each) => (each.srcObject = stream));
  return videoFrames(video, () => stop(stream));
}

/** Of a video or a GIF. Throws FileError where the browser cannot play it. */
export async function fileFrames(file: File): Promise<Frames> {
  if (file.type.startsWith("image/")) return gifFrames(file);
  const url = URL.createObjectURL(file);
  const video = await playing((each) => (each.src = url)).catch(() => {
    URL.revokeObjectURL(url);
    throw unreadable();
  });
  return videoFrames(video, () => URL.revokeObjectURL(url));
}

async function playing(give: (video: HTMLVideoElement) => void): Promise<HTMLVideoElement> {
  const video = document.createElement("video");
  video.muted = video.loop = video.playsInline = true;
  give(video);
  await video.play();
  return video;
}

function videoFrames(video: HTMLVideoElement, free: () => void): Frames {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  return {
    now: (isMirrored) =>
      video.videoWidth
        ? middle(canvas, video, video.videoWidth, video.videoHeight, isMirrored)
        : null,
    setPlaying: (isPlaying) => void (isPlaying ? video.play() : video.pause()),
    close: () => {
      video.pause();
      video.srcObject = null;
      video.removeAttribute("src");
      free();
    },
  };
}

async function gifFrames(file: File): Promise<Frames> {
  const { frames, ends } = await decodedGif(file);
  const length = ends.at(-1)!;
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  let isRunning = true;
  let since = performance.now();
  let before = 0; // milliseconds that were played when it was paused last
  const played = () => before + (isRunning ? performance.now() - since : 0);
  return {
    now: (isMirrored) => {
      const at = played() % length;
      const frame = frames[Math.max(0, ends.findIndex((end) => at < end))]!;
      return middle(canvas, frame, frame.width, frame.height, isMirrored);
    },
    setPlaying: (isPlaying) => {
      before = played();
      since = performance.now();
      isRunning = isPlaying;
    },
    close: () => frames.forEach((frame) => frame.close()),
  };
}

/** All frames of a GIF, and when each ends, in milliseconds. */
async function decodedGif(file: File): Promise<{ frames: ImageBitmap[]; ends: number[] }> {
  const frames: ImageBitmap[] = [];
  const ends: number[] = [];
  try {
    const decoder = new ImageDecoder({ data: await file.arrayBuffer(), type: file.type });
    await decoder.completed;
    await decoder.tracks.ready;
    const count = Math.min(decoder.tracks.selectedTrack?.frameCount ?? 1, MOST_FRAMES);
    for (let frameIndex = 0; frameIndex < count; frameIndex++) {
      const { image } = await decoder.decode({ frameIndex });
      frames.push(await createImageBitmap(image));
      ends.push((ends.at(-1) ?? 0) + Math.max(20, (image.duration ?? 100_000) / 1000));
      image.close();
    }
    decoder.close();
  } catch {
    throw unreadable();
  }
  return { frames, ends };
}

function middle(
  canvas: OffscreenCanvas,
  source: CanvasImageSource,
  width: number,
  height: number,
  isMirrored: boolean,
): ImageData {
  const side = Math.min(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.setTransform(isMirrored ? -1 : 1, 0, 0, 1, isMirrored ? SIDE : 0, 0);
  context.imageSmoothingQuality = "high";
  context.clearRect(0, 0, SIDE, SIDE);
  context.drawImage(source, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  return context.getImageData(0, 0, SIDE, SIDE);
}

function unreadable(): FileError {
  return new FileError(text.editor.live.unreadable, text.editor.live.unreadableHint);
}
