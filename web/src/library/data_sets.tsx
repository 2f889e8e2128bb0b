import { Empty } from "../ui/notes";

export function DataSets({ route }: { route: string[] }) {
  return <Empty>{route.join("/")}</Empty>;
}
