import type { Pixels as PixelData } from "../engines/engine";
import { useMemo } from "preact/hooks";
import { text } from "../text";
import { Empty, ErrorNote } from "../ui/notes";
import { Pixels } from "../ui/pixels";
import { onBackground } from "./background";
import type { Output } from "./output";
import type { PoseInput } from "./session";
import type { Ready } from "./use_engine";
import type { Sheet } from "./use_sheet";

const words = text.editor.sheet;

/** All poses of the gallery in the look, row by row; each can be taken as the pose. */
export function SheetPanel({
  ready,
  sheet,
  output,
  onUse,
  onRetry,
}: {
  ready: Ready | null;
  sheet: Sheet;
  output: Output;
  onUse: (pose: PoseInput) => void;
  onRetry: () => void;
}) {
  const facts = ready?.engine.facts;
  if (facts && !facts.poses.length) return <Empty>{words.none}</Empty>;
  const rows = Object.entries(facts?.rows ?? {});
  return (
    <>
      {rows.map(([row, names]) => (
        <section aria-label={row}>
          {rows.length > 1 && <h3>{row}</h3>}
          <ul class="grid sheet">
            {names.map((name) => {
              const index = facts!.poses.indexOf(name);
              return (
                <li>
                  <button
                    type="button"
                    class="tile-button"
                    aria-label={words.use(name)}
                    data-stale={index >= sheet.numDrawn || undefined}
                    onClick={() => onUse({ kind: "gallery", name })}
                  >
                    <span class="tile checkered">
                      <Cell pixels={sheet.images[index]} output={output} />
                    </span>
                  </button>
                </li>
              );
            })}
          </ul>
        </section>
      ))}
      {sheet.error !== null && <ErrorNote error={sheet.error} onRetry={onRetry} />}
      <p class="facts" role="status">
        {facts && words.drawing(sheet.numDrawn, facts.poses.length)}
      </p>
    </>
  );
}

function Cell({ pixels, output }: { pixels: PixelData | undefined; output: Output }) {
  const { background, sharp } = output;
  const shown = useMemo(() => pixels && onBackground(pixels, background), [pixels, background]);
  return shown ? <Pixels picture={shown} label="" side={112} sharp={sharp} /> : null;
}
