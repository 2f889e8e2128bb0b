import { useEffect, useRef, useState } from "preact/hooks";
import { chooseEngine, wish, type Wish } from "../engines/choose";
import type { DeviceError } from "../engines/device_error";
import type { Engine } from "../engines/engine";
import { openServer } from "../engines/server";
import { GalleryPictures } from "./gallery_pictures";
import { picturesOf, type Session } from "./session";

/** An engine that is ready, with pictures of its gallery. */
export interface Ready {
  engine: Engine;
  gallery: GalleryPictures;
  /** The service stands in while the device loads the model: it gets no picture of the person's own. */
  isInterim: boolean;
}

/** Of what the device loads, in bytes. */
export interface Loading {
  loaded: number;
  total: number;
}

export interface EngineState {
  ready: Ready | null;
  error: unknown;
  /** null: nothing is loaded, or all is. */
  loading: Loading | null;
  /** Why the service translates, although this device was to. */
  fallback: DeviceError | null;
  wish: Wish;
  setWish: (wish: Wish) => void;
}

interface Task {
  model: string | null;
  place: Wish;
  controller: AbortController;
  /** NAME@VERSION, once it is known. */
  found: string | null;
  hasFailed: boolean;
}

/** Whether the engine may see the session: what stands in for the device sees the gallery alone. */
export function maySee({ isInterim }: Ready, session: Session): boolean {
  return !isInterim || picturesOf(session).length === 0;
}

/**
 * The engine for a model, where the person wants it; null is the service's default model, undefined: it is
 * not known yet. The one before stays until the next is ready.
 */
export function useEngine(model: string | null | undefined, attempt: number): EngineState {
  const [ready, setReady] = useState<Ready | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [loading, setLoading] = useState<Loading | null>(null);
  const [fallback, setFallback] = useState<DeviceError | null>(null);
  const [place, setPlace] = useState(wish.get);
  const task = useRef<Task | null>(null);

  useEffect(() => {
    if (model === undefined) return;
    const before = task.current;
    const isSame = before && before.place === place && [before.model, before.found].includes(model);
    if (isSame && !before.hasFailed) return;
    before?.controller.abort();
    const controller = new AbortController();
    const now: Task = { model, place, controller, found: null, hasFailed: false };
    task.current = now;
    setError(null);
    setFallback(null);
    setLoading(null);
    const take = (engine: Engine, isInterim: boolean) => {
      if (controller.signal.aborted) return engine.close();
      now.found = engine.facts.model;
      setReady((old) => replaced(old, engine, isInterim));
    };
    opened(now, take, {
      onProgress: (loaded, total) => controller.signal.aborted || setLoading({ loaded, total }),
      onFallback: (reason) => controller.signal.aborted || setFallback(reason),
    })
      .catch((problem) => {
        now.hasFailed = true;
        if (!controller.signal.aborted) setError(problem);
      })
      .finally(() => controller.signal.aborted || setLoading(null));
  }, [model, place, attempt]);

  const last = useRef(ready);
  last.current = ready;
  useEffect(
    () => () => {
      task.current?.controller.abort();
      last.current?.gallery.close();
      last.current?.engine.close();
    },
    [],
  );
  return {
    ready,
    error,
    loading,
    fallback,
    wish: place,
    setWish: (next) => {
      wish.set(next);
      setPlace(next);
    },
  };
}

/** Opens what is wished; meanwhile the service shows what the model is. */
async function opened(
  { model, place, controller: { signal } }: Task,
  take: (engine: Engine, isInterim: boolean) => void,
  hears: Pick<Parameters<typeof chooseEngine>[2] & object, "onProgress" | "onFallback">,
): Promise<void> {
  if (place === "auto") take(await openServer(model, signal), true);
  signal.throwIfAborted();
  take(await chooseEngine(model, place, { signal, ...hears }), false);
}

/** The pictures of the gallery stay, if the model does. */
function replaced(old: Ready | null, engine: Engine, isInterim: boolean): Ready {
  old?.engine.close();
  if (old?.engine.facts.model === engine.facts.model) {
    old.gallery.use(engine);
    return { engine, gallery: old.gallery, isInterim };
  }
  old?.gallery.close();
  return { engine, gallery: new GalleryPictures(engine), isInterim };
}
