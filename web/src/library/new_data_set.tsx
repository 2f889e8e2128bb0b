import { useState } from "preact/hooks";
import { registerFolder, uploadDataSet } from "../api/data_sets";
import { text } from "../text";
import { ErrorNote } from "../ui/notes";
import { addressOf } from "./data_sets";
import { useAction } from "./loading";
import { SendingNote, useSending } from "./sending";
import { NameField, nameOf, ZipField } from "./zip_fields";

const words = text.library.datasets;

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
  const sending = useSending();

  const choose = (chosen: File) => {
    setFile(chosen);
    if (!name) setName(nameOf(chosen));
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
      <ZipField about={words.zip} file={file} onChoose={choose} />
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
