import { useState } from "preact/hooks";
import { registerFolder, uploadDataSet } from "../api/data_sets";
import { text } from "../text";
import { ErrorNote } from "../ui/notes";
import { addressOf } from "./data_sets";
import { useAction } from "./loading";
import { SendingNote, useSending } from "./sending";

const words = text.library.datasets;
const NAME = "[a-z0-9][a-z0-9._\\-]{0,63}";

/** Makes a data set out of a zip, or out of a folder on the server. */
export function NewDataSet() {
  return (
    <section>
      <h2>{words.new}</h2>
      <FromZip />
      <details>
        <summary>{words.fromFolder}</summary>
        <FromFolder />
      </details>
    </section>
  );
}

function FromZip() {
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState("");
  const [isOver, setOver] = useState(false);
  const sending = useSending();

  const choose = (chosen: File | undefined) => {
    if (!chosen) return;
    setFile(chosen);
    if (!name) setName(nameOf(chosen));
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    choose(event.dataTransfer?.files[0]);
  };
  const send = (event: Event) => {
    event.preventDefault();
    void sending.send(async (report, signal) => {
      const made = await uploadDataSet(name.trim(), file!, report, signal);
      location.hash = addressOf(made.name);
    });
  };
  return (
    <form class="note form" onSubmit={send}>
      <label
        class={`drop ${isOver ? "is-over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <span>{words.drop}</span>
        <input
          type="file"
          accept=".zip,application/zip"
          required={!file}
          onChange={(event) => choose(event.currentTarget.files?.[0])}
        />
        <small class="muted">{file ? file.name : words.zip}</small>
      </label>
      <NameField name={name} onInput={setName} />
      <button class="primary" disabled={sending.isBusy}>
        {words.upload}
      </button>
      <SendingNote of={sending} />
      {sending.error !== null && <ErrorNote error={sending.error} />}
    </form>
  );
}

function FromFolder() {
  const [name, setName] = useState("");
  const [folder, setFolder] = useState("");
  const { isBusy, error, run } = useAction();
  const register = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      const made = await registerFolder(name.trim(), folder.trim());
      location.hash = addressOf(made.name);
    });
  };
  return (
    <form class="note form" onSubmit={register}>
      <label>
        {words.folder}
        <input
          value={folder}
          required
          onInput={(event) => setFolder(event.currentTarget.value)}
        />
        <small class="muted">{words.folderHint}</small>
      </label>
      <NameField name={name} onInput={setName} />
      <button disabled={isBusy}>{words.register}</button>
      {error !== null && <ErrorNote error={error} />}
    </form>
  );
}

function NameField({ name, onInput }: { name: string; onInput: (name: string) => void }) {
  return (
    <label>
      {words.name}
      <input
        value={name}
        required
        pattern={NAME}
        title={words.nameHint}
        autocomplete="off"
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <small class="muted">{words.nameHint}</small>
    </label>
  );
}

/** A name like that of the file. */
function nameOf(file: File): string {
  const stem = file.name.replace(/\.[^.]*$/, "").toLowerCase();
  return stem.replace(/[^a-z0-9._-]+/g, "-").replace(/^[._-]+/, "").slice(0, 64);
}
