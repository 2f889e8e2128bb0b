import { Empty } from "../ui/notes";

/** The image editor. */
export function Editor() {
  return <Empty>…</Empty>;
}
