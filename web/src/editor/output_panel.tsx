import { useState } from "preact/hooks";
import { text } from "../text";
import { Choice, WordButton } from "../ui/buttons";
import { save } from "../ui/download";
import { ErrorNote } from "../ui/notes";
import { LinkDialog } from "./dialogs";
import { enlarged, gifFile, pictureFile, SCALES, settingsOf, type Output } from "./output";
import { FileError } from "./pictures";
import type { Ready } from "./use_engine";
import type { Result } from "./use_translation";
import type { Sheet } from "./use_sheet";

const words = text.editor.output;
const ALL = ""; // rows of the gallery

/** How results leave the page, and the buttons that let them. */
export function OutputPanel({
  output,
  onChange,
  ready,
  result,
  sheet,
  isSheet,
}: {
  output: Output;
  onChange: (change: Partial<Output>) => void;
  ready: Ready | null;
  result: Result | null;
  sheet: Sheet;
  isSheet: boolean;
}) {
  return (
    <section class="card output" aria-labelledby="output-title">
      <header>
        <h2 id="output-title">{words.title}</h2>
      </header>
      <Looks output={output} onChange={onChange} size={ready?.engine.facts.size ?? 0} />
      {isSheet ? (
        ready && result && <SheetFiles {...{ output, ready, result, sheet }} />
      ) : (
        <ResultFiles {...{ output, ready, result }} />
      )}
    </section>
  );
}

/** How a result looks as a file, and on the page. */
function Looks({
  output,
  onChange,
  size,
}: {
  output: Output;
  onChange: (change: Partial<Output>) => void;
  size: number;
}) {
  const { background, scale, sharp, format } = output;
  const set = (change: Partial<Output["background"]>) =>
    onChange({ background: { ...background, ...change } });
  return (
    <div class="stack">
      <Choice
        label={words.background}
        showsLabel
        value={background.kind}
        options={(["drawn", "transparent", "color"] as const).map((value) => ({
          value,
          name: words.backgrounds[value],
        }))}
        onChange={(kind) => set({ kind })}
      />
      {background.kind === "color" && (
        <label class="field row">
          {words.color}
          <input
            type="color"
            value={background.color}
            onInput={(event) => set({ color: event.currentTarget.value })}
          />
        </label>
      )}
      {background.kind !== "drawn" && (
        <label class="field">
          {words.tolerance}
          <input
            type="range"
            min="2"
            max="80"
            value={background.tolerance}
            onInput={(event) => set({ tolerance: Number(event.currentTarget.value) })}
          />
        </label>
      )}
      <Choice
        label={words.pixels}
        showsLabel
        value={sharp ? "sharp" : "smooth"}
        options={[
          { value: "smooth", name: words.smooth },
          { value: "sharp", name: words.sharp },
        ]}
        onChange={(value) => onChange({ sharp: value === "sharp" })}
      />
      <Choice
        label={words.format}
        showsLabel
        value={format}
        options={[
          { value: "png", name: "PNG" },
          { value: "webp", name: "WebP" },
        ]}
        onChange={(value) => onChange({ format: value })}
      />
      <label class="field row">
        {words.enlarge}
        <select value={scale} onChange={(event) => onChange({ scale: Number(event.currentTarget.value) })}>
          {SCALES.map((each) => (
            <option value={each}>{words.size(each * size)}</option>
          ))}
        </select>
      </label>
    </div>
  );
}

function ResultFiles({
  output,
  ready,
  result,
}: {
  output: Output;
  ready: Ready | null;
  result: Result | null;
}) {
  const [isLinking, setLinking] = useState(false);
  const [said, act] = useAction();
  const saveResult = async () => {
    const { session, pixels, milliseconds, place, means } = result!;
    const settings = await settingsOf(session, { milliseconds, place, means }, output);
    save(await pictureFile([pixels], 1, output, settings), `funit.${output.format}`);
  };
  const copy = async () => {
    const item = enlarged(result!.pixels, output).convertToBlob({ type: "image/png" });
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": item })]);
    } catch {
      throw new FileError(words.copyFailed, words.copyFailedHint);
    }
    return words.copied;
  };
  return (
    <>
      <div class="tools">
        <button
          type="button"
          class="primary word-button"
          disabled={!result}
          onClick={() => act(saveResult())}
        >
          {words.download}
        </button>
        <WordButton icon="copy" disabled={!result} onClick={() => act(copy())}>
          {words.copy}
        </WordButton>
        <WordButton icon="link" disabled={!result} onClick={() => setLinking(true)}>
          {words.link}
        </WordButton>
      </div>
      {said}
      {isLinking && result && ready && (
        <LinkDialog
          session={result.session}
          facts={ready.engine.facts}
          onClose={() => setLinking(false)}
        />
      )}
    </>
  );
}

function SheetFiles({
  output,
  ready,
  result,
  sheet,
}: {
  output: Output;
  ready: Ready;
  result: Result;
  sheet: Sheet;
}) {
  const [row, setRow] = useState(ALL);
  const [perSecond, setPerSecond] = useState(10);
  const [columns, setColumns] = useState(8);
  const [said, act] = useAction();
  const { facts, place, means } = ready.engine;
  const names = facts.rows[row] ?? facts.poses;
  const isDrawn = sheet.numDrawn === facts.poses.length;
  const frames = () => names.map((name) => sheet.images[facts.poses.indexOf(name)]!);
  const saveSheet = async () => {
    const made = { place, means, poses: names, columns, size: facts.size * output.scale };
    const settings = await settingsOf({ ...result.session, pose: null }, made, output);
    save(await pictureFile(frames(), columns, output, settings), `funit-sheet.${output.format}`);
  };
  const saveGif = async () => save(gifFile(frames(), output, perSecond), "funit.gif");
  const rows = Object.keys(facts.rows);
  const sheetWords = text.editor.sheet;
  return (
    <>
      {rows.length > 1 && (
        <label class="field row">
          {sheetWords.row}
          <select value={row} onChange={(event) => setRow(event.currentTarget.value)}>
            <option value={ALL}>{sheetWords.allRows}</option>
            {rows.map((each) => (
              <option>{each}</option>
            ))}
          </select>
        </label>
      )}
      <NumberField label={sheetWords.columns} most={64} value={columns} onChange={setColumns} />
      <NumberField label={sheetWords.speed} most={50} value={perSecond} onChange={setPerSecond} />
      <div class="tools">
        <button
          type="button"
          class="primary word-button"
          disabled={!isDrawn}
          onClick={() => act(saveSheet())}
        >
          {sheetWords.png}
        </button>
        <button
          type="button"
          class="word-button"
          disabled={!isDrawn}
          onClick={() => act(saveGif())}
        >
          {sheetWords.gif}
        </button>
      </div>
      {said}
    </>
  );
}

function NumberField({
  label,
  most,
  value,
  onChange,
}: {
  label: string;
  most: number;
  value: number;
  onChange: (value: number) => void;
}) {
  return (
    <label class="field row">
      {label}
      <input
        type="number"
        min="1"
        max={most}
        value={value}
        onChange={(event) => {
          const asked = Math.round(Number(event.currentTarget.value));
          onChange(Math.min(most, Math.max(1, asked || 1)));
        }}
      />
    </label>
  );
}

/** Does something, and says what came of it. */
function useAction() {
  const [outcome, setOutcome] = useState<{ said: string } | { error: unknown } | null>(null);
  const act = (work: Promise<string | void>) => {
    setOutcome(null);
    work.then(
      (said) => said && setOutcome({ said }),
      (error) => setOutcome({ error }),
    );
  };
  const said =
    outcome && "error" in outcome ? (
      <ErrorNote error={outcome.error} />
    ) : (
      <p role="status" class="muted said">
        {outcome?.said}
      </p>
    );
  return [said, act] as const;
}
