import { listSchedules, type Schedule } from "../api/jobs";
import { text } from "../text";
import { time } from "../ui/format";
import { DataLink } from "./job_parts";
import { Loading, useLoaded } from "./loading";
import { InlineMarkdown } from "./markdown_view";
import { Wide } from "./page";

const words = text.library.jobs;

/** The trainings that come again by themselves. */
export function Schedules() {
  const schedules = useLoaded(listSchedules, []);
  return (
    <section>
      <h2>{words.schedules}</h2>
      <Loading of={schedules}>
        {(found) =>
          found.length === 0 ? (
            <p class="muted">
              <InlineMarkdown text={words.noSchedules} />
            </p>
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
                  </tr>
                </thead>
                <tbody>
                  {found.map((each) => (
                    <ScheduleRow of={each} />
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

function ScheduleRow({ of }: { of: Schedule }) {
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
      <td data-name={words.when}>{when.filter(Boolean).join(", ")}</td>
      <td data-name={words.last}>
        {of.last_run_at ? time(of.last_run_at) : text.library.never}
      </td>
    </tr>
  );
}
