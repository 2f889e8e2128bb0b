import { useState } from "preact/hooks";
import {
  listClasses,
  removeDataSet,
  showDataSet,
  type CheckReport,
  type DataSetClass,
  type DataSetDetails,
} from "../api/data_sets";
import { text } from "../text";
import { Confirm } from "../ui/confirm";
import { bytes, count, time } from "../ui/format";
import { Words } from "../ui/notes";
import { Picture } from "../ui/picture";
import { AddImages } from "./add_images";
import { addressOf } from "./data_sets";
import { Loading, useLoaded } from "./loading";
import { Fact, Facts, LibraryPage, Wide } from "./page";

const words = text.library.datasets;
const UP: [string, string] = ["#/datasets", words.title];
const PAGE_SIZE = 48; // classes: each has a picture to load

/** A version of a data set, by default the newest: what it is, what was found, its classes. */
export function DataSetPage({ name, version }: { name: string; version: number | null }) {
  const details = useLoaded((signal) => showDataSet(name, version, signal), [name, version]);
  const classes = useLoaded((signal) => listClasses(name, version, signal), [name, version]);
  const [isDeleting, setDeleting] = useState(false);
  const reload = () => {
    details.reload();
    classes.reload();
  };
  const newest = details.value?.newest.version ?? null;
  return (
    <LibraryPage
      title={name}
      up={UP}
      actions={
        details.value && (
          <>
            <a class="button primary" href={trainAddress(name, version)}>
              {words.train}
            </a>
            <button class="danger" onClick={() => setDeleting(true)}>
              {words.delete}
            </button>
          </>
        )
      }
    >
      <Loading of={details}>
        {(found) => (
          <>
            <Summary details={found} version={version ?? found.newest.version} />
            <Report report={found.report} />
          </>
        )}
      </Loading>
      <Loading of={classes}>
        {(found) => (
          <>
            <Classes name={name} version={version} classes={found} />
            {newest !== null && <AddImages name={name} classes={found} onAdded={reload} />}
          </>
        )}
      </Loading>
      {isDeleting && (
        <Confirm
          title={words.deleteTitle(name)}
          action={words.delete}
          onConfirm={async () => {
            await removeDataSet(name);
            location.hash = "#/datasets";
          }}
          onClose={() => setDeleting(false)}
        >
          {words.deleteAbout}
        </Confirm>
      )}
    </LibraryPage>
  );
}

const trainAddress = (name: string, version: number | null) =>
  `#/jobs/new/${encodeURIComponent(name)}${version ? `@${version}` : ""}`;

function Summary({ details, version }: { details: DataSetDetails; version: number }) {
  const shown = details.versions.find((each) => each.version === version) ?? details.newest;
  const choose = (event: Event & { currentTarget: HTMLSelectElement }) => {
    const chosen = Number(event.currentTarget.value);
    location.hash = addressOf(details.name, chosen === details.newest.version ? null : chosen);
  };
  return (
    <>
      {version !== details.newest.version && (
        <p class="note warning">
          {words.old(version, details.newest.version)}{" "}
          <a href={addressOf(details.name)}>{words.toNewest}</a>
        </p>
      )}
      <Facts>
        <Fact name={words.version}>
          <select aria-label={words.version} value={version} onChange={choose}>
            {[...details.versions].reverse().map((each) => (
              <option value={each.version} selected={each.version === version}>
                {each.version}
                {each.version === details.newest.version ? ` (${words.newest})` : ""}
              </option>
            ))}
          </select>
        </Fact>
        <Fact name={words.images}>{count(shown.num_images)}</Fact>
        <Fact name={words.size}>{bytes(shown.size)}</Fact>
        <Fact name={words.made}>
          {time(shown.created_at)}, {words.origin[details.origin]}
        </Fact>
        <Fact name={words.fingerprint} isLong>
          <code>{shown.fingerprint}</code>
        </Fact>
      </Facts>
    </>
  );
}

/** What was found in what came with a version. */
function Report({ report }: { report: CheckReport }) {
  const { problems, num_problems: total } = report;
  return (
    <section>
      <h2>{words.report}</h2>
      {total === 0 ? (
        <p class="good">✓ {words.fine}</p>
      ) : (
        <p class="warning">
          <strong>{words.problems(total)}</strong>
        </p>
      )}
      <Facts>
        {Object.entries(report.parts).map(([part, { classes, images }]) => (
          <Fact name={`${words.part}: ${part || words.noPart}`}>
            {count(classes)} {words.classes.toLowerCase()}, {words.imagesOf(images)}
          </Fact>
        ))}
        {report.smallest_image && report.largest_image && (
          <Fact name={words.sizes}>
            {words.sizesFrom(report.smallest_image.join(" × "), report.largest_image.join(" × "))}
          </Fact>
        )}
      </Facts>
      {problems.length > 0 && (
        <details open={problems.length <= 10}>
          <summary>
            {problems.length < total ? words.problemsShown(problems.length) : words.which}
          </summary>
          <Problems problems={problems} />
        </details>
      )}
    </section>
  );
}

export function Problems({ problems }: { problems: CheckReport["problems"] }) {
  return (
    <Wide name={words.reason}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.path}</th>
            <th scope="col">{words.reason}</th>
          </tr>
        </thead>
        <tbody>
          {problems.map(({ path, reason }) => (
            <tr>
              <th scope="row">
                <code>{path}</code>
              </th>
              <td>
                <Words>{reason}</Words>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Classes({
  name,
  version,
  classes,
}: {
  name: string;
  version: number | null;
  classes: readonly DataSetClass[];
}) {
  const [wanted, setWanted] = useState("");
  const [num, setNum] = useState(PAGE_SIZE);
  const found = classes.filter(({ cls }) => cls.toLowerCase().includes(wanted.toLowerCase()));
  const shown = found.slice(0, num);
  return (
    <section>
      <div class="section-head">
        <h2>
          {words.classes} <span class="muted">{count(classes.length)}</span>
        </h2>
        {classes.length > 12 && (
          <label class="find">
            <span class="hidden">{words.find}</span>
            <input
              type="search"
              placeholder={words.find}
              value={wanted}
              onInput={(event) => setWanted(event.currentTarget.value)}
            />
          </label>
        )}
      </div>
      {found.length === 0 && <p role="status">{words.noClass}</p>}
      <ul class="thumbs">
        {shown.map(({ part, cls, num_images, thumbnail }) => (
          <li key={`${part}/${cls}`}>
            <a href={addressOf(name, version, part, cls)}>
              <Picture class="sharp" path={thumbnail} alt="" width={64} height={64} />
              <span class="thumb-name">{cls}</span>
              <small class="muted">
                {part && `${part} · `}
                {words.imagesOf(num_images)}
              </small>
            </a>
          </li>
        ))}
      </ul>
      {shown.length < found.length && (
        <p>
          {words.shownOf(shown.length, found.length)}{" "}
          <button onClick={() => setNum(num + PAGE_SIZE)}>{text.library.more}</button>
        </p>
      )}
    </section>
  );
}
