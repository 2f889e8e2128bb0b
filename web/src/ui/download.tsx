import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask } from "../api/client";
import { text } from "../text";
import { ErrorNote } from "./notes";

/** Saves what the service has at a path: a link could not send the key. */
export function DownloadButton({
  path,
  name,
  children,
}: {
  path: string;
  name: string;
  children: ComponentChildren;
}) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const download = async () => {
    setBusy(true);
    setError(null);
    try {
      save(await (await ask(path)).blob(), name);
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button onClick={download} disabled={isBusy}>
        {isBusy ? text.library.downloading : children}
      </button>
      {error !== null && <ErrorNote error={error} />}
    </>
  );
}

/** Gives a file to the browser's downloads. */
export function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // it has begun by then
}
