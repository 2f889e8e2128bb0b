import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { text } from "../text";

/** A place that takes dropped files. */
export function DropZone({
  onFiles,
  class: name = "",
  children,
}: {
  onFiles: (files: File[]) => void;
  class?: string;
  children: ComponentChildren;
}) {
  const [isOver, setOver] = useState(false);
  const depth = useRef(0); // of elements inside that are entered before others are left
  const over = (change: number) => {
    depth.current = Math.max(0, depth.current + change);
    setOver(depth.current > 0);
  };
  return (
    <div
      class={`drop-zone ${name}`}
      data-over={isOver || undefined}
      onDragEnter={(event) => hasFiles(event) && over(1)}
      onDragLeave={(event) => hasFiles(event) && over(-1)}
      onDragOver={(event) => hasFiles(event) && event.preventDefault()}
      onDrop={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        event.stopPropagation();
        over(-depth.current);
        onFiles(filesOf(event.dataTransfer));
      }}
    >
      {children}
      {isOver && <div class="drop-hint">{text.editor.drop}</div>}
    </div>
  );
}

/** Files that are dropped anywhere else, or pasted; without this the browser would leave the page. */
export function useStrayFiles(onFiles: (files: File[], target: EventTarget | null) => void): void {
  const handler = useRef(onFiles);
  handler.current = onFiles;
  useEffect(() => {
    const over = (event: DragEvent) => hasFiles(event) && event.preventDefault();
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      handler.current(filesOf(event.dataTransfer), null);
    };
    const paste = (event: ClipboardEvent) => {
      const files = filesOf(event.clipboardData);
      if (!files.length) return;
      event.preventDefault();
      handler.current(files, document.activeElement);
    };
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("drop", drop);
      removeEventListener("paste", paste);
    };
  }, []);
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

function filesOf(transfer: DataTransfer | null): File[] {
  return [...(transfer?.files ?? [])];
}
