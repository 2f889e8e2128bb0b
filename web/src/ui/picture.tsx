import { useEffect, useRef, useState } from "preact/hooks";
import { ask, ServiceError } from "../api/client";

interface Props {
  /** Where the service has it. */
  path: string;
  alt: string;
  width?: number;
  height?: number;
  class?: string;
}

/**
 * A picture of the service: asked for with this tab's key, once it comes near to being seen. While
 * another one is loaded the one before stays.
 */
export function Picture({ path, alt, width, height, class: extra = "" }: Props) {
  const image = useRef<HTMLImageElement>(null);
  const isNear = useNear(image);
  const [url, setUrl] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    if (!isNear) return;
    const end = new AbortController();
    load(path, end.signal).then(
      (blob) => {
        setError(null);
        setUrl(URL.createObjectURL(blob));
      },
      (reason) => end.signal.aborted || setError(String(reason.message ?? reason)),
    );
    return () => end.abort();
  }, [path, isNear]);
  useEffect(() => () => (url ? URL.revokeObjectURL(url) : undefined), [url]);

  return (
    <img
      ref={image}
      class={`picture ${extra}`}
      alt={alt}
      width={width}
      height={height}
      src={url ?? undefined}
      title={error ?? undefined}
      data-state={error ? "failed" : url ? "loaded" : "waiting"}
    />
  );
}

/** Its bytes; where many are asked for at once, the service says when to come again. */
async function load(path: string, signal: AbortSignal): Promise<Blob> {
  for (;;) {
    try {
      return await (await ask(path, { signal })).blob();
    } catch (error) {
      const wait = error instanceof ServiceError && error.status === 429 ? error.retryAfter : null;
      if (wait === null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
      signal.throwIfAborted();
    }
  }
}

function useNear(element: { current: HTMLElement | null }): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) {
          setNear(true);
          observer.disconnect();
        }
      },
      { rootMargin: "300px" },
    );
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return isNear;
}
