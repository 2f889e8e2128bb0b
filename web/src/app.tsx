import { lazy, Suspense } from "preact/compat";
import { Editor } from "./editor/editor";
import { text } from "./text";
import { ThemeButton } from "./theme";
import { useRoute } from "./route";
import { KeyButton, KeyDialog } from "./ui/key_dialog";

// What most visits do not open is loaded when it is opened.
const Models = lazy(() => import("./library/models").then((m) => m.Models));
const DataSets = lazy(() => import("./library/data_sets").then((m) => m.DataSets));
const Jobs = lazy(() => import("./library/jobs").then((m) => m.Jobs));

const PAGES = [
  { route: "", name: text.nav.editor },
  { route: "models", name: text.nav.models },
  { route: "datasets", name: text.nav.datasets },
  { route: "jobs", name: text.nav.jobs },
] as const;

/** The page: a header that leads everywhere, and what the address after `#/` asks for. */
export function App() {
  const [page = "", ...rest] = useRoute();
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        {text.nav.skip}
      </a>
      <header class="top">
        <strong class="brand">funit</strong>
        <nav aria-label={text.nav.label}>
          {PAGES.map(({ route, name }) => (
            <a href={`#/${route}`} aria-current={route === page ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <KeyButton />
        <ThemeButton />
      </header>
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<p role="status">{text.loading}</p>}>
          <Page page={page} rest={rest} />
        </Suspense>
      </main>
      <KeyDialog />
    </>
  );
}

function Page({ page, rest }: { page: string; rest: string[] }) {
  switch (page) {
    case "":
      return <Editor />;
    case "models":
      return <Models route={rest} />;
    case "datasets":
      return <DataSets route={rest} />;
    case "jobs":
      return <Jobs route={rest} />;
    default:
      return <p>{text.noSuchPage}</p>;
  }
}

function skip(event: Event) {
  event.preventDefault(); // the address after # is the route
  document.getElementById("main")?.focus();
}
