import { Empty } from "../ui/notes";

export function Models({ route }: { route: string[] }) {
  return <Empty>{route.join("/")}</Empty>;
}
