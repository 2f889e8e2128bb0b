import { useEffect, useState } from "preact/hooks";

/** The parts of the address after `#/`, without what follows a `?`; [] is the editor. */
export function useRoute(): string[] {
  const [parts, setParts] = useState(read);
  useEffect(() => {
    const changed = () => setParts(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return parts;
}

function read(): string[] {
  const [path = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return path.split("/").filter(Boolean).map(decodeURIComponent);
}

/** What follows the `?` of the address after `#`. */
export function query(): URLSearchParams {
  return new URLSearchParams(location.hash.split("?")[1] ?? "");
}
