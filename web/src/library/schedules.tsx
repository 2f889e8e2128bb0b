import { useState } from "preact/hooks";
import { changeSchedule, listSchedules, removeSchedule, type Schedule } from "../api/jobs";
import { text } from "../text";
import { Confirm } from "../ui/confirm";
import { time } from "../ui/format";
import { ErrorNote } from "../ui/notes";
import { DataLink } from "./job_parts";
import { Loading, useAction, useLoaded } from "./loading";
import { Wide } from "./page";

const words = text.library.jobs;

/** The trainings that come again by themselves. */
export function Schedules() {
  const schedules = useLoaded(listSchedules, []);
  return (
    <section>
      <div class="section-head">
        <h2>{words.schedules}</h2>
        <a class="button" href="#/jobs/schedule">
          {words.newSchedule}
        </a>
      </div>
      <Loading of={schedules}>
        {(found) =>
          found.length === 0 ? (
            <p class="muted">{words.noSchedules}</p>
          ) : (
            <Wide name={words.schedules}>
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">{words.schedule}</th>
                    <th scope="col">{words.model}</th>
                    <th scope="col">{words.dataset}</th>
                    <th scope="col">{words.when}</th>
                    <th scope="col">{words.last}</th>
                    <th scope="col">
                      <span class="hidden">{words.actions}</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {found.map((each) => (
                    <ScheduleRow key={each.name} of={each} onChange={schedules.reload} />
                  ))}
                </tbody>
              </table>
            </Wide>
          )
        }
      </Loading>
    </section>
  );
}

function ScheduleRow({ of, onChange }: { of: Schedule; onChange: () => void }) {
  const [isRemoving, setRemoving] = useState(false);
  const { isBusy, error, run } = useAction();
  const isPaused = of.state === "paused";
  const change = () =>
    run(async () => {
      await changeSchedule(of.name, isPaused ? "resume" : "pause");
      onChange();
    });
  const when = [
    of.every_hours === null ? null : words.every(of.every_hours),
    of.new_images === null ? null : words.newImages(of.new_images),
  ];
  return (
    <tr>
      <th scope="row">{of.name}</th>
      <td data-name={words.model}>{of.request.name}</td>
      <td data-name={words.dataset}>
        <DataLink request={of.request} />
      </td>
      <td data-name={words.when}>
        {when.filter(Boolean).join(", ")}
        {isPaused && <small class="warning">{words.states.paused}</small>}
        {of.error && <small class="warning">{of.error}</small>}
      </td>
      <td data-name={words.last}>
        {of.last_run_at ? time(of.last_run_at) : text.library.never}
      </td>
      <td class="row-actions">
        <button disabled={isBusy} onClick={change}>
          {isPaused ? words.resume : words.pause}
          <span class="hidden"> {of.name}</span>
        </button>
        <button disabled={isBusy} onClick={() => setRemoving(true)}>
          {text.library.remove}
          <span class="hidden"> {of.name}</span>
        </button>
        {error !== null && <ErrorNote error={error} />}
        {isRemoving && (
          <Confirm
            title={words.removeSchedule(of.name)}
            action={text.library.remove}
            onConfirm={async () => {
              await removeSchedule(of.name);
              onChange();
            }}
            onClose={() => setRemoving(false)}
          >
            {words.removeScheduleAbout}
          </Confirm>
        )}
      </td>
    </tr>
  );
}
