import type { Job, JobRequest } from "../api/jobs";
import { text } from "../text";
import { count } from "../ui/format";
import { addressOf } from "./data_sets";

const words = text.library.jobs;

/** The state in a word and a colour; what is wanted of it, too. */
export function StateBadge({ job }: { job: Job }) {
  return (
    <span class={`badge ${job.state}`}>
      {words.states[job.state]}
      {job.wanted && `, ${words.wanted[job.wanted]}`}
    </span>
  );
}

/** How many images a training has seen, of how many, and how fast it is. */
export function ProgressBar({ job, isLong = false }: { job: Job; isLong?: boolean }) {
  const { images, images_wanted: wanted, images_per_second: rate, minutes } = job.progress;
  if (images === undefined) return <span class="muted">–</span>;
  const told = [words.images(count(images), wanted ? count(wanted) : null)];
  if (isLong && rate) told.push(words.rate(rate.toFixed(1)));
  if (isLong && minutes !== undefined) told.push(words.minutes(minutes.toFixed(1)));
  if (isLong && job.state === "running" && rate && wanted && wanted > images) {
    told.push(words.left(((wanted - images) / rate / 60).toFixed(1)));
  }
  return (
    <label class="how-far">
      <progress max={1} value={wanted ? Math.min(1, images / wanted) : 1} />
      <span>{told.join(" · ")}</span>
    </label>
  );
}

/** The data that a job trains on: of the service, or a path on its machine. */
export function DataLink({ request }: { request: JobRequest }) {
  if (!request.dataset) return <code>{request.path}</code>;
  const [name = "", version] = request.dataset.split("@");
  return <a href={addressOf(name, version ? Number(version) : null)}>{request.dataset}</a>;
}

/** NAME and the end of the id: many jobs train the same name. */
export const shortName = (job: Job) => `${job.request.name} ${job.id.slice(-8)}`;
export const jobAddress = (id: string) => `#/jobs/${encodeURIComponent(id)}`;
export const numCandidates = (request: JobRequest) => 1 + (request.otherwise?.length ?? 0);
