import type { TargetedEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import {
  changeJob,
  hasEnded,
  reportPagePath,
  type Job,
  type JobReport,
  type Verdict,
} from "../api/jobs";
import { text } from "../text";
import { Choice } from "../ui/buttons";
import { Confirm } from "../ui/confirm";
import { DownloadButton } from "../ui/download";
import { count, time } from "../ui/format";
import { ErrorNote, Words } from "../ui/notes";
import { Curves } from "./curves";
import { DataLink, numCandidates, ProgressBar, shortName, StateBadge } from "./job_parts";
import { useLiveJob, type LiveJob } from "./live_job";
import { useAction } from "./loading";
import { ModelLink } from "./models";
import { Fact, Facts, Json, LibraryPage, Wide } from "./page";
import { ReportFrame } from "./report_frame";
import { Samples } from "./samples";
import { short } from "./scales";
import { Scores } from "./scores_view";

const words = text.library.jobs;
const UP: [string, string] = ["#/jobs", words.to];

/** A job as it goes: what can be done with it, how far it is, pictures, curves, verdicts, log. */
export function JobPage({ id }: { id: string }) {
  const live = useLiveJob(id);
  const { job, error } = live;
  if (!job) {
    return (
      <LibraryPage title={id} up={UP}>
        {error ? (
          <ErrorNote error={error} onRetry={live.reload} />
        ) : (
          <p role="status">{text.loading}</p>
        )}
      </LibraryPage>
    );
  }
  return (
    <LibraryPage title={job.request.name} up={UP} actions={<Actions job={job} live={live} />}>
      {error !== null && <ErrorNote error={error} onRetry={live.reload} />}
      <Status job={job} live={live} />
      <Alerts job={job} />
      <Pictures job={job} live={live} />
      <section>
        <h2>{words.evaluations}</h2>
        {live.report ? (
          <Evaluations job={job} report={live.report} />
        ) : (
          <p class="muted">{words.noEvaluation}</p>
        )}
      </section>
      <Log lines={live.log} />
      <Request job={job} />
    </LibraryPage>
  );
}

function Actions({ job, live }: { job: Job; live: LiveJob }) {
  const [isCancelling, setCancelling] = useState(false);
  const { isBusy, error, run } = useAction();
  const change = (verb: "pause" | "resume") =>
    run(async () => live.set(await changeJob(job.id, verb)));
  const isPaused = job.state === "paused" || job.wanted === "pause";
  const canStop = !hasEnded(job) && job.state !== "publishing" && job.wanted !== "cancel";
  return (
    <>
      {canStop && (
        <button disabled={isBusy} onClick={() => change(isPaused ? "resume" : "pause")}>
          {isPaused ? words.resume : words.pause}
        </button>
      )}
      {canStop && (
        <button class="danger" disabled={isBusy} onClick={() => setCancelling(true)}>
          {words.cancel}
        </button>
      )}
      {job.request.dataset && (
        <a class="button" href={`#/jobs/again/${encodeURIComponent(job.id)}`}>
          {words.again}
        </a>
      )}
      {job.request.dataset && (
        <a class="button" href={`#/jobs/schedule/${encodeURIComponent(job.id)}`}>
          {words.repeat}
        </a>
      )}
      <a class="button" href={`#/jobs/compare/${encodeURIComponent(job.id)}`}>
        {words.compare}
      </a>
      {error !== null && <ErrorNote error={error} />}
      {isCancelling && (
        <Confirm
          title={words.cancelTitle}
          action={words.cancel}
          keep={words.keep}
          onConfirm={async () => live.set(await changeJob(job.id, "cancel"))}
          onClose={() => setCancelling(false)}
        >
          {words.cancelAbout}
        </Confirm>
      )}
    </>
  );
}

function Status({ job, live }: { job: Job; live: LiveJob }) {
  const { candidate, round } = job.progress;
  const total = numCandidates(job.request);
  return (
    <section class="status note">
      <div class="status-line">
        <span role="status">
          <span class="hidden">{words.state}: </span>
          <StateBadge job={job} />
        </span>
        {total > 1 && <span>{words.candidate(candidate, total)}</span>}
        {round > 0 && <span>{words.round(round)}</span>}
        <span class={`connection is-${live.connection}`}>
          {live.connection === "live" && words.live}
          {live.connection === "lost" && words.lost}
        </span>
      </div>
      <ProgressBar job={job} isLong />
      {job.model && (
        <p class="good">
          {words.published} <ModelLink model={job.model} />
        </p>
      )}
      {job.error && (
        <p class="bad" role="alert">
          <strong>
            <Words>{job.error}</Words>
          </strong>
        </p>
      )}
    </section>
  );
}

/** Why its evaluations are not to be trusted. */
function Alerts({ job }: { job: Job }) {
  if (job.alerts.length === 0) return null;
  return (
    <ul class="alerts">
      {job.alerts.map(({ kind, message }) => (
        <li class="note warning">
          <strong>{words.alertKinds[kind] ?? kind}.</strong> <Words>{message}</Words>
        </li>
      ))}
    </ul>
  );
}

/** Samples and curves, of the candidate at work or of one before. */
function Pictures({ job, live }: { job: Job; live: LiveJob }) {
  const total = numCandidates(job.request);
  const [chosen, setChosen] = useState<number | null>(null);
  const candidate = chosen ?? job.progress.candidate;
  const begun = live.curves.map((each) => each.candidate);
  const choices = [...new Set([...begun, job.progress.candidate])].sort((a, b) => a - b);
  const curves = live.curves.find((each) => each.candidate === candidate)?.curves ?? {};
  return (
    <>
      {choices.length > 1 && (
        <Choice
          label={words.candidates}
          options={choices.map((n) => ({ value: String(n), name: words.candidate(n, total) }))}
          value={String(candidate)}
          onChange={(n) => setChosen(Number(n))}
          showsLabel
        />
      )}
      <section>
        <h2>{words.samples}</h2>
        <Samples key={candidate} id={job.id} candidate={candidate} numNew={live.numSamples} />
      </section>
      <section>
        <h2>{words.curves}</h2>
        <Curves runs={[{ name: shortName(job), curves }]} />
      </section>
    </>
  );
}

/** What each evaluation was held against, and the scores of the newest. */
function Evaluations({ job, report }: { job: Job; report: JobReport }) {
  const { rows, warnings, left_out: leftOut } = report.evaluation;
  return (
    <>
      <Wide name={words.evaluations}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{words.candidateColumn}</th>
              <th scope="col">{words.imagesColumn}</th>
              <th scope="col">{words.verdict}</th>
              <th scope="col">{words.reason}</th>
              <th scope="col">{words.then}</th>
            </tr>
          </thead>
          <tbody>
            {report.history.map((each) => (
              <VerdictRow of={each} />
            ))}
          </tbody>
        </table>
      </Wide>
      <h3>{words.report}</h3>
      {warnings.map((warning) => (
        <p class="note warning">
          <Words>{warning}</Words>
        </p>
      ))}
      <Scores rows={rows} />
      {report.has_page && <WholeReport key={job.num_evaluations} job={job} />}
      {leftOut.length > 0 && (
        <details>
          <summary>{words.leftOut}</summary>
          <ul>
            {leftOut.map(({ metric, reason }) => (
              <li>
                <code>{metric}</code>: <Words>{reason}</Words>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** The report as a page, once somebody wants to see it. */
function WholeReport({ job }: { job: Job }) {
  const [isOpen, setOpen] = useState(false);
  const path = reportPagePath(job.id);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words.wholeReport}</summary>
      {isOpen && (
        <>
          <DownloadButton path={path} name={`${job.request.name}-evaluation.html`}>
            {text.library.download}
          </DownloadButton>
          <ReportFrame path={path} title={words.wholeReport} />
        </>
      )}
    </details>
  );
}

function VerdictRow({ of }: { of: Verdict }) {
  return (
    <tr>
      <th scope="row">{of.candidate + 1}</th>
      <td data-name={words.imagesColumn}>{count(of.images)}</td>
      <td data-name={words.verdict}>
        <strong class={of.is_met ? "good" : "bad"}>{of.is_met ? words.met : words.notMet}</strong>
        {of.value !== null && of.interval && (
          <small>
            {short(of.value)} ({short(of.interval[0])} – {short(of.interval[1])})
          </small>
        )}
      </td>
      <td data-name={words.reason}>{of.reason}</td>
      <td data-name={words.then}>{words.next[of.next] ?? of.next}</td>
    </tr>
  );
}

/** The end of the log; it stays at the end while one looks at the end. */
function Log({ lines }: { lines: readonly string[] }) {
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const { current } = box;
    if (current && isAtEnd.current) current.scrollTop = current.scrollHeight;
  }, [lines]);
  const scrolled = (event: TargetedEvent<HTMLPreElement>) => {
    // a browser tells it late: the box may have left the page by then
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    isAtEnd.current = scrollTop + clientHeight > scrollHeight - 8;
  };
  return (
    <section>
      <h2>{words.log}</h2>
      {lines.length === 0 ? (
        <p class="muted">{words.noLog}</p>
      ) : (
        <pre
          ref={box}
          class="code log"
          tabIndex={0}
          role="region"
          aria-label={words.logAbout}
          onScroll={scrolled}
        >
          {lines.join("\n")}
        </pre>
      )}
    </section>
  );
}

function Request({ job }: { job: Job }) {
  return (
    <section>
      <h2>{words.request}</h2>
      <Facts>
        <Fact name={words.dataset}>
          <DataLink request={job.request} />
        </Fact>
        <Fact name={words.made}>{time(job.created_at)}</Fact>
        <Fact name={words.device}>{job.device}</Fact>
        <Fact name={words.priority}>{job.priority}</Fact>
        <Fact name={words.id} isLong>
          <code>{job.id}</code>
        </Fact>
      </Facts>
      <details>
        <summary>JSON</summary>
        <Json of={said(job.request)} />
      </details>
    </section>
  );
}

/** Without what was left to the service. */
function said(request: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== null));
}
