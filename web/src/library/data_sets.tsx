import { useState } from "preact/hooks";
import { listDataSets, type DataSet } from "../api/data_sets";
import { text } from "../text";
import { bytes, count, time } from "../ui/format";
import { Empty, ErrorNote } from "../ui/notes";
import { ClassPage } from "./class_page";
import { DataSetPage } from "./data_set";
import { Loading, useAction, useLoaded } from "./loading";
import { NewDataSet } from "./new_data_set";
import { LibraryPage, Wide } from "./page";

const words = text.library.datasets;

/** The pages of the data sets: all, one as NAME or NAME@VERSION, a class in one. */
export function DataSets({ route: [label, ...rest] }: { route: string[] }) {
  if (label === undefined) return <AllDataSets />;
  const [name = "", version] = label.split("@");
  const of = { name, version: version ? Number(version) : null };
  if (rest.length === 0) return <DataSetPage {...of} />;
  const [part, cls] = rest.length === 1 ? ["", rest[0]!] : [rest[0]!, rest[1]!];
  return <ClassPage {...of} part={part} cls={cls} />;
}

function AllDataSets() {
  const first = useLoaded((signal) => listDataSets(signal), []);
  return (
    <LibraryPage title={words.title}>
      <p class="muted">{words.about}</p>
      <Loading of={first}>
        {({ items, next }) =>
          items.length === 0 ? <Empty>{words.none}</Empty> : <Table first={items} next={next} />
        }
      </Loading>
      <NewDataSet />
    </LibraryPage>
  );
}

function Table({ first, next }: { first: DataSet[]; next: string | null }) {
  const [more, setMore] = useState<{ items: DataSet[]; next: string | null }>({ items: [], next });
  const { isBusy, error, run } = useAction();
  const load = () =>
    run(async () => {
      const page = await listDataSets(new AbortController().signal, more.next ?? "");
      setMore({ items: [...more.items, ...page.items], next: page.next });
    });
  return (
    <>
      <Wide name={words.title}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{words.name}</th>
              <th scope="col">{words.version}</th>
              <th scope="col">{words.images}</th>
              <th scope="col">{words.size}</th>
              <th scope="col">{words.made}</th>
            </tr>
          </thead>
          <tbody>
            {[...first, ...more.items].map((each) => (
              <tr>
                <th scope="row">
                  <a href={addressOf(each.name)}>{each.name}</a>
                </th>
                <td data-name={words.version}>{each.newest.version}</td>
                <td data-name={words.images}>{count(each.newest.num_images)}</td>
                <td data-name={words.size}>{bytes(each.newest.size)}</td>
                <td data-name={words.made}>
                  {time(each.newest.created_at)}, {words.origin[each.origin]}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
      {more.next && (
        <button onClick={load} disabled={isBusy}>
          {text.library.more}
        </button>
      )}
      {error !== null && <ErrorNote error={error} onRetry={load} />}
    </>
  );
}

/** The page of a data set, or of a class in it: the newest version if none is given. */
export function addressOf(name: string, version: number | null = null, ...within: string[]): string {
  const label = encodeURIComponent(name) + (version ? `@${version}` : "");
  return ["#/datasets", label, ...within.filter(Boolean).map(encodeURIComponent)].join("/");
}
