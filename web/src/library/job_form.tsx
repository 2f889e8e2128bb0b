import { useRef, useState } from "preact/hooks";
import { askJson } from "../api/client";
import { listDataSets } from "../api/data_sets";
import { createJob, showJob } from "../api/jobs";
import { listModels } from "../api/models";
import { text } from "../text";
import { ErrorNote } from "../ui/notes";
import { jobAddress } from "./job_parts";
import { Loading, useAction, useLoaded } from "./loading";
import { LibraryPage } from "./page";
import { FormFields, type Suggestions } from "./schema_fields";
import {
  bodyOf,
  draftOf,
  fieldsOf,
  type Body,
  type Field,
  type Mistakes,
  type OpenApi,
} from "./schema_form";

const words = text.library.form;
const UP: [string, string] = ["#/jobs", text.library.jobs.to];
/** What most people want to say; the rest is folded. */
const FIRST = ["dataset", "name", "preset", "from_model", "max_images", "minimum"];

/** Asks for a training, on a data set if one was chosen. */
export function NewJob({ dataset }: { dataset: string }) {
  return (
    <LibraryPage title={words.title} up={UP}>
      <p class="muted">{words.about}</p>
      <LoadedForm key={dataset} request={dataset ? { dataset } : {}} />
    </LibraryPage>
  );
}

/** Asks for a training like another one. */
export function AgainJob({ id }: { id: string }) {
  const job = useLoaded((signal) => showJob(id, signal), [id]);
  return (
    <LibraryPage title={words.title} up={UP}>
      <p class="muted">{words.about}</p>
      <Loading of={job}>{(found) => <LoadedForm request={found.request} />}</Loading>
    </LibraryPage>
  );
}

/** The form, once it is known which fields it has and what there is to choose from. */
function LoadedForm({ request }: { request: Body }) {
  const known = useLoaded(async (signal) => {
    const [description, dataSets, models] = await Promise.all([
      askJson<OpenApi>("/openapi.json", { signal }),
      // a key for trainings alone may list neither: then there is nothing to suggest
      listDataSets(signal).then(({ items }) => items, () => []),
      listModels(signal).catch(() => []),
    ]);
    const suggestions: Suggestions = {
      dataset: dataSets.map((each) => each.name),
      from_model: models.map(({ name, version }) => `${name}@${version}`),
    };
    return { fields: fieldsOf(description, "JobRequest"), suggestions };
  }, []);
  return (
    <Loading of={known}>
      {({ fields, suggestions }) => (
        <JobForm fields={fields} suggestions={suggestions} request={request} />
      )}
    </Loading>
  );
}

function JobForm({
  fields,
  suggestions,
  request,
}: {
  fields: Field[];
  suggestions: Suggestions;
  request: Body;
}) {
  const [draft, setDraft] = useState(() => draftOf(fields, request));
  const [mistakes, setMistakes] = useState<Mistakes>({});
  const { isBusy, error, run } = useAction();
  const form = useRef<HTMLFormElement>(null);
  const first = FIRST.flatMap((name) => fields.filter((field) => field.name === name));
  const rest = fields.filter((field) => !FIRST.includes(field.name));

  const create = (event: Event) => {
    event.preventDefault();
    const { body, mistakes: found } = bodyOf(fields, draft);
    setMistakes(found);
    if (Object.keys(found).length > 0) {
      // once the mistakes are drawn: to the first of them, even where it is folded
      requestAnimationFrame(() => {
        const wrong = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
        wrong?.closest("details")?.setAttribute("open", "");
        wrong?.focus();
      });
      return;
    }
    void run(async () => {
      const job = await createJob(body);
      location.hash = jobAddress(job.id);
    });
  };
  const num = Object.keys(mistakes).length;
  const shared = { draft, mistakes, suggestions, onChange: setDraft };
  return (
    <form ref={form} class="note form" noValidate onSubmit={create}>
      {suggestions.dataset?.length === 0 && (
        <p class="warning">
          {words.needsData} <a href="#/datasets">{words.uploadFirst}</a>
        </p>
      )}
      <FormFields fields={first} path="" {...shared} />
      <details>
        <summary>{words.more}</summary>
        <FormFields fields={rest} path="" {...shared} />
      </details>
      {num > 0 && <p class="bad" role="alert">{words.mistakes(num)}</p>}
      {error !== null && <ErrorNote error={error} />}
      <button class="primary" disabled={isBusy}>
        {words.create}
      </button>
    </form>
  );
}
