import { useState } from "preact/hooks";
import { text } from "../text";

const words = text.library.datasets;
const NAME = "[a-z0-9][a-z0-9._\\-]{0,63}";

/** A zip that is chosen or dropped. */
export function ZipField({
  about,
  file,
  onChoose,
}: {
  about: string;
  file: File | null;
  onChoose: (file: File) => void;
}) {
  const [isOver, setOver] = useState(false);
  const choose = (files: FileList | null | undefined) => {
    const first = files?.[0];
    if (first) onChoose(first);
  };
  return (
    <label
      class={`drop ${isOver ? "is-over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        choose(event.dataTransfer?.files);
      }}
    >
      <span>{words.drop}</span>
      <input
        type="file"
        accept=".zip,application/zip"
        required={!file}
        onChange={(event) => choose(event.currentTarget.files)}
      />
      <small class="muted">{file ? file.name : about}</small>
    </label>
  );
}

/** What something is called in addresses and commands. */
export function NameField({ name, onInput }: { name: string; onInput: (name: string) => void }) {
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
export function nameOf(file: File): string {
  const stem = file.name.replace(/\.[^.]*$/, "").toLowerCase();
  return stem.replace(/[^a-z0-9._-]+/g, "-").replace(/^[._-]+/, "").slice(0, 64);
}
