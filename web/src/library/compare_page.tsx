import {
  isUnderWay,
  listJobs,
  showCurves,
  showJob,
  type CandidateCurves,
  type Job,
} from "../api/jobs";
import { text } from "../text";
import { time } from "../ui/format";
import { Empty } from "../ui/notes";
import { differences, type Run } from "./compare";
import { Curves } from "./curves";
import { jobAddress, shortName, StateBadge } from "./job_parts";
import { Loading, useLoaded, usePolling } from "./loading";
import { LibraryPage, Wide } from "./page";

const words = text.library.jobs;
const POLL_MS = 5000;

interface Compared {
  job: Job;
  candidates: CandidateCurves[];
}

const addressOf = (ids: readonly string[]) =>
  ["#/jobs/compare", ...ids.map(encodeURIComponent)].join("/");

/** The curves of some trainings, and what these were asked differently. */
export function Compare({ ids }: { ids: string[] }) {
  const compared = useLoaded(
    (signal) =>
      Promise.all(
        ids.map(async (id): Promise<Compared> => {
          const [job, candidates] = await Promise.all([
            showJob(id, signal),
            showCurves(id, signal),
          ]);
          return { job, candidates };
        }),
      ),
    ids,
  );
  const isLive = compared.value?.some(({ job }) => isUnderWay(job)) ?? false;
  usePolling(compared, POLL_MS, isLive);
  return (
    <LibraryPage title={words.compareTitle} up={["#/jobs", words.to]}>
      <AddRun ids={ids} />
      <Loading of={compared}>
        {(found) =>
          found.length === 0 ? (
            <Empty>{words.compareNone}</Empty>
          ) : (
            <>
              <Runs ids={ids} jobs={found.map(({ job }) => job)} />
              <Curves runs={found.flatMap(runsOf)} />
              {found.length > 1 && <Differences jobs={found.map(({ job }) => job)} />}
            </>
          )
        }
      </Loading>
    </LibraryPage>
  );
}

/** A line for each candidate that was trained. */
function runsOf({ job, candidates }: Compared): Run[] {
  return candidates.map(({ candidate, curves }) => ({
    name:
      candidates.length > 1
        ? `${shortName(job)}, ${words.candidate(candidate, candidates.length)}`
        : shortName(job),
    curves,
  }));
}

function AddRun({ ids }: { ids: readonly string[] }) {
  const jobs = useLoaded((signal) => listJobs(signal), []);
  const others = jobs.value?.items.filter((job) => !ids.includes(job.id)) ?? [];
  if (others.length === 0) return null;
  return (
    <label class="filter">
      {words.addRun}{" "}
      <select
        value=""
        onChange={(event) => (location.hash = addressOf([...ids, event.currentTarget.value]))}
      >
        <option value="">–</option>
        {others.map((job) => (
          <option value={job.id}>
            {shortName(job)}, {time(job.created_at)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Runs({ ids, jobs }: { ids: readonly string[]; jobs: readonly Job[] }) {
  return (
    <ul class="list runs">
      {jobs.map((job) => (
        <li>
          <a href={jobAddress(job.id)}>{shortName(job)}</a> <StateBadge job={job} />
          <a
            class="quiet"
            href={addressOf(ids.filter((id) => id !== job.id))}
            aria-label={words.removeRun(shortName(job))}
            title={words.removeRun(shortName(job))}
          >
            ×
          </a>
        </li>
      ))}
    </ul>
  );
}

function Differences({ jobs }: { jobs: readonly Job[] }) {
  const rows = differences(jobs.map((job) => job.request));
  return (
    <section>
      <h2>{words.differences}</h2>
      {rows.length === 0 ? (
        <p class="muted">{words.same}</p>
      ) : (
        <Wide name={words.differences}>
          <table>
            <thead>
              <tr>
                <th scope="col">{words.setting}</th>
                {jobs.map((job) => (
                  <th scope="col">{shortName(job)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ setting, values }) => (
                <tr>
                  <th scope="row">
                    <code>{setting}</code>
                  </th>
                  {values.map((value) => (
                    <td>{value ?? <span class="muted">{words.notSet}</span>}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </section>
  );
}
