import { useState } from "preact/hooks";
import { addImages, type Addition, type DataSetClass } from "../api/data_sets";
import { text } from "../text";
import { ErrorNote } from "../ui/notes";
import { Problems } from "./data_set";
import { SendingNote, useSending } from "./sending";

const words = text.library.datasets;

/** Adds pictures to a class, which may be a new one. */
export function AddImages({
  name,
  classes,
  cls: initial = "",
  part: initialPart,
  onAdded,
}: {
  name: string;
  classes: readonly DataSetClass[];
  cls?: string;
  part?: string;
  onAdded: () => void;
}) {
  const parts = [...new Set(classes.map((each) => each.part))];
  const [part, setPart] = useState(initialPart ?? parts[0] ?? "");
  const [cls, setCls] = useState(initial);
  const [files, setFiles] = useState<File[]>([]);
  const [result, setResult] = useState<Addition | null>(null);
  const sending = useSending();
  const send = (event: Event & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = event.currentTarget;
    setResult(null);
    void sending.send(async (report, signal) => {
      setResult(await addImages(name, part, cls.trim(), files, report, signal));
      form.reset(); // of the chosen files: they are there now
      onAdded();
    });
  };
  return (
    <section>
      <h2>{words.add}</h2>
      <form class="note form" onSubmit={send}>
        {!initial && (
          <label>
            {words.cls}
            <input
              value={cls}
              required
              maxLength={255}
              list="classes"
              onInput={(event) => setCls(event.currentTarget.value)}
            />
            <small class="muted">{words.clsHint}</small>
            <datalist id="classes">
              {classes.slice(0, 500).map((each) => (
                <option value={each.cls} />
              ))}
            </datalist>
          </label>
        )}
        {!initial && parts.some(Boolean) && (
          <label>
            {words.part}
            <select value={part} onChange={(event) => setPart(event.currentTarget.value)}>
              {parts.map((each) => (
                <option value={each}>{each}</option>
              ))}
            </select>
          </label>
        )}
        <label>
          {words.files}
          <input
            type="file"
            accept="image/*"
            multiple
            required
            onChange={(event) => setFiles([...(event.currentTarget.files ?? [])])}
          />
        </label>
        <button disabled={sending.isBusy}>{words.add}</button>
        <SendingNote of={sending} />
        {sending.error !== null && <ErrorNote error={sending.error} />}
        {result && <Result of={result} />}
      </form>
    </section>
  );
}

function Result({ of: { num_added, version, problems } }: { of: Addition }) {
  return (
    <div role="status">
      <p>{words.added(num_added, version.version)}</p>
      {problems.length > 0 && (
        <>
          <p class="warning">
            <strong>{words.problems(problems.length)}</strong>
          </p>
          <Problems problems={problems} />
        </>
      )}
    </div>
  );
}
