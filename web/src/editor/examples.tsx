import { useState } from "preact/hooks";
import { text } from "../text";
import { IconButton } from "../ui/buttons";
import { CropDialog } from "./dialogs";
import { changedExample, movedExample, withoutExample, type Example, type LookInput } from "./session";
import { PictureTile } from "./tiles";

const words = text.editor.look;
const DRAGGED = "application/x-funit-example";
const MOST_WEIGHT = 3;

/** The examples of a look, one under the other: cropped, weighed, moved, removed. */
export function Examples({
  examples,
  attempt,
  onChange,
}: {
  examples: Example[];
  attempt: number;
  onChange: (look: LookInput, what?: string) => void;
}) {
  const [cropping, setCropping] = useState<number | null>(null);
  const [said, setSaid] = useState("");
  if (!examples.length) return <p class="empty-well">{words.empty}</p>;
  const move = (from: number, to: number) => {
    if (to < 0 || to >= examples.length || from === to) return;
    onChange(movedExample(examples, from, to));
    setSaid(words.moved(examples[from]!.name, to + 1));
  };
  const cropped = cropping === null ? undefined : examples[cropping];
  return (
    <>
      <ol class="examples" aria-label={words.examples}>
        {examples.map((example, index) => (
          <Row
            key={keyOf(examples, index)}
            example={example}
            number={index + 1}
            count={examples.length}
            attempt={attempt}
            onCrop={() => setCropping(index)}
            onMove={(to) => move(index, to)}
            onDrop={(from) => move(from, index)}
            onRemove={() => onChange(withoutExample(examples, index))}
            onWeight={(weight) =>
              onChange(changedExample(examples, index, { weight }), `weight ${index}`)
            }
          />
        ))}
      </ol>
      <p class="hidden" role="status">
        {said}
      </p>
      {cropped && (
        <CropDialog
          picture={cropped}
          onCrop={(crop) => onChange(changedExample(examples, cropping!, { crop }))}
          onClose={() => setCropping(null)}
        />
      )}
    </>
  );
}

/** Stays when the example moves, so that the focus goes with it; a picture may be there twice. */
function keyOf(examples: Example[], index: number): string {
  const { sha } = examples[index]!;
  return `${sha} ${examples.slice(0, index).filter((other) => other.sha === sha).length}`;
}

function Row({
  example,
  number,
  count,
  attempt,
  onCrop,
  onMove,
  onDrop,
  onRemove,
  onWeight,
}: {
  example: Example;
  number: number;
  count: number;
  attempt: number;
  onCrop: () => void;
  onMove: (to: number) => void;
  onDrop: (from: number) => void;
  onRemove: () => void;
  onWeight: (weight: number) => void;
}) {
  const index = number - 1;
  return (
    <li
      class="example"
      draggable={count > 1}
      onDragStart={(event) => event.dataTransfer?.setData(DRAGGED, String(index))}
      onDragOver={(event) => event.dataTransfer?.types.includes(DRAGGED) && event.preventDefault()}
      onDrop={(event) => {
        const from = event.dataTransfer?.getData(DRAGGED);
        if (!from) return;
        event.preventDefault();
        onDrop(Number(from));
      }}
    >
      <button
        type="button"
        class="tile-button"
        aria-label={`${words.example(number, example.name)}. ${text.editor.crop}`}
        onClick={onCrop}
        onKeyDown={(event) => {
          if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
          event.preventDefault();
          onMove(index + (event.key === "ArrowUp" ? -1 : 1));
        }}
      >
        <PictureTile input={example} side={64} attempt={attempt} />
      </button>
      <div class="about">
        <span class="name" title={example.name}>
          {example.name}
        </span>
        {count > 1 && (
          <label class="weight">
            <span class="hidden">{words.weight(number)}</span>
            <input
              type="range"
              min="0"
              max={MOST_WEIGHT}
              step="0.05"
              value={example.weight}
              onInput={(event) => onWeight(Number(event.currentTarget.value))}
            />
            <output>{example.weight.toFixed(2)}</output>
          </label>
        )}
      </div>
      <div class="moves">
        {count > 1 && (
          <>
            <IconButton
              icon="up"
              label={words.earlier}
              disabled={index === 0}
              onClick={() => onMove(index - 1)}
            />
            <IconButton
              icon="down"
              label={words.later}
              disabled={number === count}
              onClick={() => onMove(index + 1)}
            />
          </>
        )}
        <IconButton icon="close" label={text.editor.remove} onClick={onRemove} />
      </div>
    </li>
  );
}
