import { useState } from "preact/hooks";
import {
  exportPath,
  filePath,
  galleryImage,
  listModels,
  removeAlias,
  removeVersion,
  setAlias,
  showCard,
  showGallery,
  showVersion,
  type ModelDetails,
} from "../api/models";
import { text } from "../text";
import { Confirm } from "../ui/confirm";
import { DownloadButton } from "../ui/download";
import { bytes, count, time } from "../ui/format";
import { Empty, ErrorNote } from "../ui/notes";
import { Picture } from "../ui/picture";
import { jobAddress } from "./job_parts";
import { Loading, useAction, useLoaded, useMayAdminister } from "./loading";
import { parseMarkdown, withoutSection } from "./markdown";
import { MarkdownView } from "./markdown_view";
import { addressOf, editorAddress, hasGallery, labelOf, ModelLink } from "./models";
import { Fact, Facts, Json, LibraryPage, Wide } from "./page";
import { Scores } from "./scores_view";

const words = text.library.models;
const UP: [string, string] = ["#/models", words.title];

/** All that is known of a version of a model, by its number or an alias. */
export function ModelPage({ name, version }: { name: string; version: string }) {
  const details = useLoaded((signal) => showVersion(name, version, signal), [name, version]);
  if (!details.value) {
    return (
      <LibraryPage title={name} up={UP}>
        <Loading of={details}>{() => null}</Loading>
      </LibraryPage>
    );
  }
  const model = details.value;
  return (
    <LibraryPage
      title={labelOf(model)}
      up={UP}
      actions={
        <>
          <a class="button primary" href={editorAddress(model)}>
            {words.use}
          </a>
          <DownloadButton
            path={exportPath(name, model.version, "folder")}
            name={`${name}-${model.version}.zip`}
          >
            {words.export}
          </DownloadButton>
          <DownloadButton
            path={exportPath(name, model.version, "triton")}
            name={`${name}-${model.version}-triton.zip`}
          >
            {words.exportTriton}
          </DownloadButton>
          <Remove model={model} />
        </>
      }
    >
      <div class="columns">
        <div>
          <ModelFacts model={model} />
          <Aliases model={model} onChange={details.reload} />
          <Versions name={name} current={model.version} aliases={model.aliases} />
        </div>
        {hasGallery(model) && <GallerySheet model={labelOf(model)} />}
      </div>
      <section>
        <h2>{words.scores}</h2>
        {model.scores.length ? <Scores rows={model.scores} /> : <Empty>{words.noScores}</Empty>}
      </section>
      <Card model={model} />
      <Files model={model} />
      <details>
        <summary>{words.training}</summary>
        <Json of={model.training} />
      </details>
      <details>
        <summary>{words.settings}</summary>
        <Json of={model.config} />
      </details>
    </LibraryPage>
  );
}

/** What removes this version, for who administers; those in the package stay. */
function Remove({ model }: { model: ModelDetails }) {
  const [isRemoving, setRemoving] = useState(false);
  if (!useMayAdminister() || model.created_at === null) return null;
  return (
    <>
      <button class="danger" onClick={() => setRemoving(true)}>
        {words.remove}
      </button>
      {isRemoving && (
        <Confirm
          title={words.removeTitle(labelOf(model))}
          action={words.remove}
          onConfirm={async () => {
            await removeVersion(model.name, model.version);
            location.hash = "#/models";
          }}
          onClose={() => setRemoving(false)}
        >
          {words.removeAbout}
        </Confirm>
      )}
    </>
  );
}

function ModelFacts({ model }: { model: ModelDetails }) {
  const minutes = model.training.minutes;
  const job = jobOf(model);
  return (
    <Facts>
      <Fact name={words.imageSize}>{words.pixels(model.image_size)}</Fact>
      <Fact name={words.size}>{bytes(model.size)}</Fact>
      <Fact name={words.licence}>{model.licence}</Fact>
      <Fact name={words.made}>{model.created_at ? time(model.created_at) : words.inside}</Fact>
      {model.parent && (
        <Fact name={words.parent}>
          <ModelLink model={model.parent} />
        </Fact>
      )}
      {job && (
        <Fact name={words.training} isLong>
          <a href={jobAddress(job)}>{job}</a>
        </Fact>
      )}
      <Fact name={words.classes}>{count(model.num_classes)}</Fact>
      <Fact name={words.images}>{count(model.images)}</Fact>
      {typeof minutes === "number" && <Fact name={words.minutes}>{count(Math.round(minutes))}</Fact>}
      {model.data_fingerprint && (
        <Fact name={words.data} isLong>
          <code>{model.data_fingerprint}</code>
        </Fact>
      )}
      <Fact name={words.weights} isLong>
        <code>{model.weights_sha256}</code>
      </Fact>
      <Fact name={words.madeBy}>{words.funit(model.made_by)}</Fact>
    </Facts>
  );
}

/** The training of this service that made it: its command names the job's folder. */
function jobOf({ training }: ModelDetails): string | undefined {
  return /\/jobs\/([\w-]+)\/candidate-\d/.exec(String(training.command))?.[1];
}

/** The names of this version; who administers may change them. */
function Aliases({ model, onChange }: { model: ModelDetails; onChange: () => void }) {
  const mayChange = useMayAdminister();
  const [word, setWord] = useState("");
  const { isBusy, error, run } = useAction();
  const set = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      await setAlias(model.name, model.version, word.trim());
      setWord("");
      onChange();
    });
  };
  const remove = (alias: string) =>
    run(async () => {
      await removeAlias(model.name, alias);
      onChange();
    });
  return (
    <section>
      <h2>{words.aliases}</h2>
      <ul class="chips">
        {model.aliases.map((alias) => (
          <li class="chip">
            {alias}
            {mayChange && alias !== "latest" && (
              <button
                class="quiet"
                disabled={isBusy}
                aria-label={words.removeAlias(alias)}
                title={words.removeAlias(alias)}
                onClick={() => remove(alias)}
              >
                ×
              </button>
            )}
          </li>
        ))}
        {model.aliases.length === 0 && <li class="muted">{text.library.none}</li>}
      </ul>
      {mayChange && (
        <form class="inline" onSubmit={set}>
          <label>
            {words.aliasOf(model.version)}
            <input
              value={word}
              required
              pattern="[a-z][a-z0-9._\-]{0,63}"
              title={words.aliasHint}
              onInput={(event) => setWord(event.currentTarget.value)}
            />
          </label>
          <button disabled={isBusy}>{words.setAlias}</button>
        </form>
      )}
      {error !== null && <ErrorNote error={error} />}
    </section>
  );
}

function Versions({
  name,
  current,
  aliases,
}: {
  name: string;
  current: number;
  /** Of the current one: when they change, those of the others may have. */
  aliases: readonly string[];
}) {
  const versions = useLoaded((signal) => listModels(signal, name), [name, aliases]);
  return (
    <Loading of={versions}>
      {(found) =>
        found.length < 2 ? null : (
          <section>
            <h2>{words.versions}</h2>
            <ul class="list">
              {[...found]
                .sort((a, b) => b.version - a.version)
                .map((each) => (
                  <li>
                    <a
                      href={addressOf(each)}
                      aria-current={each.version === current ? "page" : undefined}
                    >
                      {labelOf(each)}
                    </a>{" "}
                    <span class="muted">
                      {each.created_at ? time(each.created_at) : words.inside}
                    </span>
                    {each.aliases.map((alias) => (
                      <span class="chip">{alias}</span>
                    ))}
                  </li>
                ))}
            </ul>
          </section>
        )
      }
    </Loading>
  );
}

const [NUM_POSES, NUM_LOOKS] = [4, 3];

/** Some poses of the model's gallery in some of its looks. */
function GallerySheet({ model }: { model: string }) {
  const gallery = useLoaded((signal) => showGallery(model, signal), [model]);
  return (
    <section class="gallery">
      <h2>{words.gallery}</h2>
      <p class="muted">{words.galleryAbout}</p>
      <Loading of={gallery}>
        {({ poses, looks }) => (
          <div class="gallery-sheet">
            {evenly(looks, NUM_LOOKS).flatMap((look) =>
              evenly(poses, NUM_POSES).map((pose) => (
                <Picture
                  class="sharp"
                  path={galleryImage(model, pose, look)}
                  alt={words.cell(pose, look)}
                  width={96}
                  height={96}
                />
              )),
            )}
          </div>
        )}
      </Loading>
    </section>
  );
}

/** Some from all over: those that follow each other are much alike. */
function evenly<T>(items: readonly T[], wanted: number): T[] {
  const step = Math.max(1, Math.floor(items.length / wanted));
  return items.filter((_, n) => n % step === 0).slice(0, wanted);
}

function Card({ model }: { model: ModelDetails }) {
  const card = useLoaded(
    (signal) => showCard(model.name, model.version, signal),
    [model.name, model.version],
  );
  return (
    <section>
      <h2>{words.card}</h2>
      <Loading of={card}>
        {(found) => {
          const blocks = parseMarkdown(found);
          const shown = model.scores.length ? withoutSection(blocks, "Scores") : blocks;
          return (
            <div class="note">
              <MarkdownView blocks={shown} level={3} />
              {shown.length < blocks.length && <p class="muted">{words.cardWithout}</p>}
            </div>
          );
        }}
      </Loading>
    </section>
  );
}

function Files({ model }: { model: ModelDetails }) {
  return (
    <details>
      <summary>{words.files}</summary>
      <Wide name={words.files}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.file}</th>
              <th scope="col">{words.size}</th>
              <th scope="col">SHA-256</th>
              <th scope="col">
                <span class="hidden">{text.library.download}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {model.files.map((file) => (
              <tr>
                <th scope="row">{file.name}</th>
                <td>{bytes(file.size)}</td>
                <td>
                  <code>{file.sha256}</code>
                </td>
                <td>
                  <DownloadButton
                    path={filePath(model.name, model.version, file.name)}
                    name={file.name}
                  >
                    {text.library.download}
                    <span class="hidden"> {file.name}</span>
                  </DownloadButton>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </details>
  );
}
