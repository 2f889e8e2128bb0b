import { useEffect, useRef, useState } from "preact/hooks";
import { text } from "../text";
import { Dialog } from "../ui/dialog";
import { ErrorNote } from "../ui/notes";
import { FileError } from "./pictures";

const words = text.editor.camera;

/** The camera's picture, as it comes. Throws FileError where it may not be used. */
export async function openCamera(): Promise<MediaStream> {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
  } catch {
    throw new FileError(words.refused, words.refusedHint);
  }
}

/** A window in which a picture is taken. */
export function CameraDialog({
  onFile,
  onClose,
}: {
  onFile: (file: File) => void;
  onClose: () => void;
}) {
  const video = useRef<HTMLVideoElement>(null);
  const [error, setError] = useState<unknown>(null);
  const [isReady, setReady] = useState(false);
  useEffect(() => {
    let stream: MediaStream | null = null;
    let isOpen = true;
    openCamera().then(
      (found) => {
        stream = found;
        if (isOpen && video.current) video.current.srcObject = found;
        else stop(found);
      },
      (problem) => isOpen && setError(problem),
    );
    return () => {
      isOpen = false;
      if (stream) stop(stream);
    };
  }, []);
  const take = async () => {
    const { videoWidth: width, videoHeight: height } = video.current!;
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")!.drawImage(video.current!, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/png" });
    onFile(new File([blob], "camera.png", { type: "image/png" }));
    onClose();
  };
  return (
    <Dialog title={words.title} onClose={onClose}>
      {error ? (
        <ErrorNote error={error} />
      ) : (
        <video
          ref={video}
          class="camera"
          autoplay
          muted
          playsInline
          onLoadedData={() => setReady(true)}
        />
      )}
      <div class="actions">
        <button type="button" onClick={onClose}>
          {text.cancel}
        </button>
        <button type="button" class="primary" disabled={!isReady} onClick={() => void take()}>
          {words.take}
        </button>
      </div>
    </Dialog>
  );
}

/** Lets go of the camera. */
export function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
