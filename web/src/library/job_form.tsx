import { useRef, useState } from "preact/hooks";
import { askJson } from "../api/client";
import { listDataSets } from "../api/data_sets";
import { createJob, createSchedule, showJob } from "../api/jobs";
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
  type Draft,
  type Field,
  type Mistakes,
  type OpenApi,
} from "./schema_form";

const words = text.library.form;
const UP: [string, string] = ["#/jobs", text.library.jobs.to];
/** What most people want to say; the rest is folded. */
const FIRST = ["dataset", "name", "preset", "from_model", "max_images", "minimum"];

/** What a form asks for, and what becomes of it. */
interface Asking {
  /** In the description of the service. */
  schema: string;
  button: string;
  /** What no field by itself can say is wrong. */
  check: (body: Body) => Mistakes;
  /** Gives the address of what came of it. */
  send: (body: Body) => Promise<string>;
}

const JOB: Asking = {
  schema: "JobRequest",
  button: words.create,
  check: () => ({}),
  send: async (body) => jobAddress((await createJob(body)).id),
};

const SCHEDULE: Asking = {
  schema: "ScheduleRequest",
  button: words.createSchedule,
  check: (body) =>
    "every_hours" in body || "new_images" in body ? {} : { every_hours: words.someTime },
  send: async (body) => {
    await createSchedule(body);
    return "#/jobs";
  },
};

/** Asks for a training, on a data set if one was chosen. */
export function NewJob({ dataset }: { dataset: string }) {
  return (
    <LibraryPage title={words.title} up={UP}>
      <p class="muted">{words.about}</p>
      <LoadedForm key={dataset} asking={JOB} request={dataset ? { dataset } : {}} />
    </LibraryPage>
  );
}

/** Asks for a training like another one. */
export function AgainJob({ id }: { id: string }) {
  const job = useLoaded((signal) => showJob(id, signal), [id]);
  return (
    <LibraryPage title={words.title} up={UP}>
      <p class="muted">{words.about}</p>
      <Loading of={job}>{(found) => <LoadedForm asking={JOB} request={found.request} />}</Loading>
    </LibraryPage>
  );
}

/** Asks for trainings that come again by themselves, like one that there was if it is given. */
export function NewSchedule({ id }: { id: string }) {
  const job = useLoaded(async (signal): Promise<Body> => {
    if (!id) return {};
    const { request } = await showJob(id, signal);
    return { ...request, dataset: request.dataset?.split("@")[0] }; // whichever is the newest then
  }, [id]);
  return (
    <LibraryPage title={words.scheduleTitle} up={UP}>
      <p class="muted">{words.scheduleAbout}</p>
      <Loading of={job}>
        {(found) => <LoadedForm asking={SCHEDULE} request={{ job: found }} />}
      </Loading>
    </LibraryPage>
  );
}

/** The form, once it is known which fields it has and what there is to choose from. */
function LoadedForm({ asking, request }: { asking: Asking; request: Body }) {
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
    return { fields: fieldsOf(description, asking.schema), suggestions };
  }, [asking.schema]);
  return (
    <Loading of={known}>
      {({ fields, suggestions }) => (
        <RequestForm asking={asking} fields={fields} suggestions={suggestions} request={request} />
      )}
    </Loading>
  );
}

function RequestForm({
  asking,
  fields,
  suggestions,
  request,
}: {
  asking: Asking;
  fields: Field[];
  suggestions: Suggestions;
  request: Body;
}) {
  const [draft, setDraft] = useState(() => draftOf(fields, request));
  const [mistakes, setMistakes] = useState<Mistakes>({});
  const { isBusy, error, run } = useAction();
  const form = useRef<HTMLFormElement>(null);

  const create = (event: Event) => {
    event.preventDefault();
    const { body, mistakes: found } = bodyOf(fields, draft);
    const all = { ...asking.check(body), ...found };
    setMistakes(all);
    if (Object.keys(all).length > 0) {
      // once the mistakes are drawn: to the first of them, even where it is folded
      requestAnimationFrame(() => {
        const wrong = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
        wrong?.closest("details")?.setAttribute("open", "");
        wrong?.focus();
      });
      return;
    }
    void run(async () => {
      location.hash = await asking.send(body);
    });
  };
  const num = Object.keys(mistakes).length;
  const job = fields.find(({ name }) => name === "job");
  const shared = { mistakes, suggestions };
  return (
    <form ref={form} class="note form" noValidate onSubmit={create}>
      {suggestions.dataset?.length === 0 && (
        <p class="warning">
          {words.needsData} <a href="#/datasets">{words.uploadFirst}</a>
        </p>
      )}
      {job ? (
        <>
          <FormFields
            fields={fields.filter((field) => field !== job)}
            draft={draft}
            onChange={setDraft}
            path=""
            {...shared}
          />
          <fieldset class="group">
            <legend>{job.title}</legend>
            <JobFields
              fields={job.fields}
              draft={draft.job as Draft}
              onChange={(changed) => setDraft({ ...draft, job: changed })}
              path="job."
              {...shared}
            />
          </fieldset>
        </>
      ) : (
        <JobFields fields={fields} draft={draft} onChange={setDraft} path="" {...shared} />
      )}
      {num > 0 && <p class="bad" role="alert">{words.mistakes(num)}</p>}
      {error !== null && <ErrorNote error={error} />}
      <button class="primary" disabled={isBusy}>
        {asking.button}
      </button>
    </form>
  );
}

/** The fields of a training: what is rarely said is folded. */
function JobFields(props: Parameters<typeof FormFields>[0]) {
  const first = FIRST.flatMap((name) => props.fields.filter((field) => field.name === name));
  const rest = props.fields.filter((field) => !FIRST.includes(field.name));
  return (
    <>
      <FormFields {...props} fields={first} />
      <details>
        <summary>{words.more}</summary>
        <FormFields {...props} fields={rest} />
      </details>
    </>
  );
}
