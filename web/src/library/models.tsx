import {
  galleryImage,
  listModels,
  showVersion,
  type ModelDetails,
  type ModelVersion,
} from "../api/models";
import { text } from "../text";
import { bytes, percent } from "../ui/format";
import { Empty } from "../ui/notes";
import { Picture } from "../ui/picture";
import { ImportModel } from "./import_model";
import { Loading, useLoaded, useMayAdminister } from "./loading";
import { ModelPage } from "./model";
import { LibraryPage } from "./page";
import { errorOfCopying } from "./scores";

const words = text.library.models;

/** The pages of the models: all of them, or a version of one. */
export function Models({ route: [name, version] }: { route: string[] }) {
  return name ? <ModelPage name={name} version={version ?? "latest"} /> : <AllModels />;
}

function AllModels() {
  const models = useLoaded((signal) => listModels(signal), []);
  const mayImport = useMayAdminister();
  return (
    <LibraryPage title={words.title}>
      <p class="muted">{words.about}</p>
      <Loading of={models}>
        {(versions) =>
          versions.length === 0 ? (
            <Empty>{words.none}</Empty>
          ) : (
            <ul class="cards">
              {newestOf(versions).map((each) => (
                <ModelCard of={each} />
              ))}
            </ul>
          )
        }
      </Loading>
      {mayImport && <ImportModel />}
    </LibraryPage>
  );
}

function ModelCard({ of }: { of: ModelVersion }) {
  const label = labelOf(of);
  const details = useLoaded(
    (signal) => showVersion(of.name, of.version, signal),
    [of.name, of.version],
  );
  const error = details.value && errorOfCopying(details.value.scores);
  return (
    <li class="model-card">
      {details.value && hasGallery(details.value) ? (
        <Picture
          class="sharp"
          path={galleryImage(label, "1", "1")}
          alt={words.picture(of.name)}
          width={96}
          height={96}
        />
      ) : (
        <span class="picture letter" aria-hidden="true">
          {of.name.charAt(0)}
        </span>
      )}
      <div>
        <h2>
          <a href={addressOf(of)}>{label}</a>
        </h2>
        <p class="chips">
          {of.aliases.map((alias) => (
            <span class="chip">{alias}</span>
          ))}
        </p>
        <ul class="pieces">
          <li>{words.pixels(of.image_size)}</li>
          <li>{bytes(of.size)}</li>
          <li>{of.licence}</li>
        </ul>
        {error && (
          <p class="muted" title={words.errorOfCopyingAbout(error.shots)}>
            {words.errorOfCopying(percent(error.share))}
          </p>
        )}
        <p>
          <a class="button" href={editorAddress(of)}>
            {words.use}
          </a>
        </p>
      </div>
    </li>
  );
}

/** The newest version of each model, by name. */
function newestOf(versions: readonly ModelVersion[]): ModelVersion[] {
  const newest = new Map<string, ModelVersion>();
  for (const each of versions) {
    if (each.version > (newest.get(each.name)?.version ?? 0)) newest.set(each.name, each);
  }
  return [...newest.values()].sort((a, b) => a.name.localeCompare(b.name));
}

export const hasGallery = (of: ModelDetails) =>
  of.files.some((file) => file.name === "gallery.safetensors");
export const labelOf = (of: ModelVersion) => `${of.name}@${of.version}`;
export const addressOf = (of: { name: string; version: number | string }) =>
  `#/models/${encodeURIComponent(of.name)}/${of.version}`;
export const editorAddress = (of: ModelVersion) => `#/?model=${encodeURIComponent(labelOf(of))}`;

/** The page of NAME@VERSION. */
export function ModelLink({ model }: { model: string }) {
  const [name = "", version = "latest"] = model.split("@");
  return <a href={addressOf({ name, version })}>{model}</a>;
}
