import { useState } from "preact/hooks";
import { importModel } from "../api/models";
import { text } from "../text";
import { ErrorNote } from "../ui/notes";
import { addressOf } from "./models";
import { SendingNote, useSending } from "./sending";
import { NameField, nameOf, ZipField } from "./zip_fields";

const words = text.library.models;

/** Makes an export of this or another service the next version of a name. */
export function ImportModel() {
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState("");
  const sending = useSending();
  const choose = (chosen: File) => {
    setFile(chosen);
    if (!name) setName(nameOf(chosen).replace(/-\d+$/, "")); // exports bear the version's number
  };
  const send = (event: Event) => {
    event.preventDefault();
    void sending.send(async (report, signal) => {
      location.hash = addressOf(await importModel(name.trim(), file!, report, signal));
    });
  };
  return (
    <section>
      <h2>{words.import}</h2>
      <form class="note form" onSubmit={send}>
        <ZipField about={words.zip} file={file} onChoose={choose} />
        <NameField name={name} onInput={setName} />
        <button class="primary" disabled={sending.isBusy}>
          {words.importButton}
        </button>
        <SendingNote of={sending} checking={words.checking} />
        {sending.error !== null && <ErrorNote error={sending.error} />}
      </form>
    </section>
  );
}
