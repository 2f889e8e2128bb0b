import { useState } from "preact/hooks";
import { isUnderWay, listJobs, type Job, type State } from "../api/jobs";
import { text } from "../text";
import { time } from "../ui/format";
import { Empty, ErrorNote } from "../ui/notes";
import { Compare } from "./compare_page";
import { JobPage } from "./job";
import { AgainJob, NewJob, NewSchedule } from "./job_form";
import { DataLink, jobAddress, ProgressBar, StateBadge } from "./job_parts";
import { Loading, useAction, useLoaded, usePolling } from "./loading";
import { ModelLink } from "./models";
import { LibraryPage, Wide } from "./page";
import { Schedules } from "./schedules";

const words = text.library.jobs;
const POLL_MS = 3000;

const FILTERS: Record<string, { name: string; states: State[] }> = {
  all: { name: words.all, states: [] },
  underWay: {
    name: words.underWay,
    states: ["queued", "running", "evaluating", "publishing", "paused"],
  },
  ended: { name: words.ended, states: ["published", "failed", "cancelled"] },
};

/** The pages of the trainings: all, a new one, one like another, a schedule, some compared, one. */
export function Jobs({ route: [first, ...rest] }: { route: string[] }) {
  switch (first) {
    case undefined:
      return <AllJobs />;
    case "new":
      return <NewJob dataset={rest[0] ?? ""} />;
    case "again":
      return <AgainJob id={rest[0] ?? ""} />;
    case "schedule":
      return <NewSchedule id={rest[0] ?? ""} />;
    case "compare":
      return <Compare ids={rest} />;
    default:
      return <JobPage key={first} id={first} />;
  }
}

function AllJobs() {
  const [filter, setFilter] = useState("all");
  const { states } = FILTERS[filter]!;
  const first = useLoaded((signal) => listJobs(signal, states), [filter]);
  usePolling(first, POLL_MS, first.value?.items.some(isUnderWay) ?? false);
  return (
    <LibraryPage
      title={words.title}
      actions={
        <a class="button primary" href="#/jobs/new">
          {words.start}
        </a>
      }
    >
      <label class="filter">
        {words.show}{" "}
        <select value={filter} onChange={(event) => setFilter(event.currentTarget.value)}>
          {Object.entries(FILTERS).map(([key, { name }]) => (
            <option value={key}>{name}</option>
          ))}
        </select>
      </label>
      <Loading of={first}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty>{filter === "all" ? words.none : words.noneOf}</Empty>
          ) : (
            <JobTable key={filter} newest={items} next={next} states={states} />
          )
        }
      </Loading>
      <Schedules />
    </LibraryPage>
  );
}

function JobTable({
  newest,
  next,
  states,
}: {
  newest: Job[];
  next: string | null;
  states: State[];
}) {
  const [older, setOlder] = useState<{ items: Job[]; next: string | null } | null>(null);
  const [chosen, setChosen] = useState<string[]>([]);
  const { isBusy, error, run } = useAction();
  const more = older ? older.next : next;
  const load = () =>
    run(async () => {
      const page = await listJobs(new AbortController().signal, states, more);
      setOlder({ items: [...(older?.items ?? []), ...page.items], next: page.next });
    });
  const choose = (id: string) =>
    setChosen(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
  return (
    <>
      <Wide name={words.title}>
        <table class="rows jobs">
          <thead>
            <tr>
              <th scope="col">
                <span class="hidden">{words.compare}</span>
              </th>
              <th scope="col">{words.model}</th>
              <th scope="col">{words.state}</th>
              <th scope="col">{words.progress}</th>
              <th scope="col">{words.dataset}</th>
              <th scope="col">{words.made}</th>
            </tr>
          </thead>
          <tbody>
            {[...newest, ...(older?.items ?? [])].map((job) => (
              <JobRow
                key={job.id}
                job={job}
                isChosen={chosen.includes(job.id)}
                onChoose={() => choose(job.id)}
              />
            ))}
          </tbody>
        </table>
      </Wide>
      <p class="buttons">
        {chosen.length === 0 ? (
          <span class="muted">{words.compareHint}</span>
        ) : (
          <a class="button" href={`#/jobs/compare/${chosen.map(encodeURIComponent).join("/")}`}>
            {words.compare} ({words.chosen(chosen.length)})
          </a>
        )}
        {more && (
          <button onClick={load} disabled={isBusy}>
            {words.older}
          </button>
        )}
      </p>
      {error !== null && <ErrorNote error={error} onRetry={load} />}
    </>
  );
}

function JobRow({
  job,
  isChosen,
  onChoose,
}: {
  job: Job;
  isChosen: boolean;
  onChoose: () => void;
}) {
  return (
    <tr>
      <td class="tick">
        <input
          type="checkbox"
          checked={isChosen}
          aria-label={words.choose(job.request.name, job.id)}
          onChange={onChoose}
        />
      </td>
      <th scope="row">
        <a href={jobAddress(job.id)}>{job.request.name}</a>
        {job.model && (
          <small>
            {words.published} <ModelLink model={job.model} />
          </small>
        )}
      </th>
      <td data-name={words.state}>
        <StateBadge job={job} />
        {job.alerts.length > 0 && (
          <small class="warning">{words.alerts(job.alerts.length)}</small>
        )}
      </td>
      <td data-name={words.progress}>
        <ProgressBar job={job} />
      </td>
      <td data-name={words.dataset}>
        <DataLink request={job.request} />
      </td>
      <td data-name={words.made}>{time(job.created_at)}</td>
    </tr>
  );
}
