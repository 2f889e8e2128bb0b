import { useState } from "preact/hooks";
import type { Picture } from "../engines/fit";
import { text } from "../text";
import { Pixels } from "../ui/pixels";

const words = text.editor.result;

/** The pose and the result, one over the other; a line that is dragged parts them. */
export function Compare({
  pose,
  result,
  label,
  sharp,
}: {
  pose: Picture;
  result: Picture;
  label: string;
  sharp: boolean;
}) {
  const [share, setShare] = useState(50);
  const follow = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    setShare(Math.round(Math.min(1, Math.max(0, (event.clientX - left) / width)) * 100));
  };
  return (
    <div
      class="compare"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        follow(event);
      }}
      onPointerMove={(event) => event.buttons && follow(event)}
    >
      <Pixels picture={result} label={label} side={720} sharp={sharp} />
      <div class="over" style={{ clipPath: `inset(0 ${100 - share}% 0 0)` }}>
        <Pixels picture={pose} label={words.before} side={720} sharp={sharp} />
      </div>
      <input
        type="range"
        class="hidden"
        min="0"
        max="100"
        value={share}
        aria-label={words.slider}
        onInput={(event) => setShare(Number(event.currentTarget.value))}
      />
      <span class="line" style={{ left: `${share}%` }} aria-hidden="true" />
      <span class="corner-label start" aria-hidden="true">
        {words.before}
      </span>
      <span class="corner-label end" aria-hidden="true">
        {words.after}
      </span>
    </div>
  );
}
