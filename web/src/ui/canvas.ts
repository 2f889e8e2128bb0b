import type { Picture } from "../engines/fit";

/** The picture as an ImageData, which it may be already. */
export function imageData(picture: Picture): ImageData {
  if (picture instanceof ImageData) return picture;
  return new ImageData(new Uint8ClampedArray(picture.data), picture.width, picture.height);
}

/** A canvas of the picture's size, with the picture on it. */
export function canvasOf(picture: Picture): OffscreenCanvas {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d")!.putImageData(imageData(picture), 0, 0);
  return canvas;
}

/** The file, without loss. */
export function pngOf(picture: Picture): Promise<Blob> {
  return canvasOf(picture).convertToBlob({ type: "image/png" });
}
