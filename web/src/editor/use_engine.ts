import { useEffect, useState } from "preact/hooks";
import type { Engine } from "../engines/engine";
import { openServer } from "../engines/server";
import { GalleryPictures } from "./gallery_pictures";

/** An engine that is ready, with pictures of its gallery. */
export interface Ready {
  engine: Engine;
  gallery: GalleryPictures;
}

/**
 * The engine for a model; null is the service's default, undefined: it is not known yet. The one before
 * stays until the next is ready.
 */
export function useEngine(
  model: string | null | undefined,
  attempt: number,
): { ready: Ready | null; error: unknown } {
  const [ready, setReady] = useState<Ready | null>(null);
  const [error, setError] = useState<unknown>(null);
  const isThere = ready !== null && (model === ready.engine.facts.model || model === null);
  useEffect(() => {
    if (model === undefined || isThere) return;
    const controller = new AbortController();
    setError(null);
    openServer(model, controller.signal).then(
      (engine) => {
        if (controller.signal.aborted) return engine.close();
        setReady((before) => {
          before?.gallery.close();
          before?.engine.close();
          return { engine, gallery: new GalleryPictures(engine) };
        });
      },
      (problem) => controller.signal.aborted || setError(problem),
    );
    return () => controller.abort();
  }, [model, isThere, attempt]);
  return { ready, error: isThere ? null : error };
}
