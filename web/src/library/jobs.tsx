import { Empty } from "../ui/notes";

export function Jobs({ route }: { route: string[] }) {
  return <Empty>{route.join("/")}</Empty>;
}
