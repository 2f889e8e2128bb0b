import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Strangeness } from "../engines/engine";
import { text } from "../text";
import { Empty, ErrorNote } from "../ui/notes";
import { Pixels } from "../ui/pixels";
import { onBackground } from "./background";
import { Compare } from "./compare";
import type { Output } from "./output";
import { nameOf } from "./tiles";
import type { Result, Standing } from "./use_translation";

const words = text.editor.result;
const STRANGE = 2; // from here on results suffer

export type PictureView = "result" | "compare" | "beside";

/** The result, large, and how it stands with it. */
export function ResultPanel({
  view,
  result,
  standing,
  output,
  isPrivate,
  onRetry,
}: {
  view: PictureView;
  result: Result | null;
  standing: Standing;
  output: Output;
  /** Nothing is ever sent to the service. */
  isPrivate: boolean;
  onRetry: () => void;
}) {
  const shown = standing.kind === "empty" ? null : result;
  return (
    <>
      <div class="stage" aria-busy={standing.kind === "working"} data-view={view}>
        {standing.kind === "working" && <div class="progress" />}
        {shown ? (
          <Shown view={view} result={shown} output={output} />
        ) : (
          <div class="tile placeholder">
            {standing.kind === "empty" && (
              <Empty>
                <strong>{words.empty}</strong>
                <br />
                {words.emptyHint}
              </Empty>
            )}
          </div>
        )}
      </div>
      <Trouble standing={standing} onRetry={onRetry} />
      <p class="facts" role="status">
        {factsOf(shown, standing)} {isPrivate && standing.kind === "done" && words.nothing}
      </p>
      {shown?.strangeness && standing.kind === "done" && <Strange {...shown.strangeness} />}
    </>
  );
}

function Shown({ view, result, output }: { view: PictureView; result: Result; output: Output }) {
  const { background, sharp } = output;
  const pixels = useMemo(() => onBackground(result.pixels, background), [result, background]);
  const { pose, looks } = result.session;
  const label = words.alt(nameOf(pose), looks.map(nameOf).join(" + "));
  if (view === "compare") {
    return <Compare pose={result.pose} result={pixels} label={label} sharp={sharp} />;
  }
  const large = <Pixels picture={pixels} label={label} side={720} sharp={sharp} />;
  if (view === "result") return <div class="checkered">{large}</div>;
  return (
    <div class="beside">
      <Captioned caption={words.before}>
        <Pixels picture={result.pose} label={words.before} side={480} sharp={sharp} />
      </Captioned>
      <Captioned caption={words.after}>
        <div class="checkered">{large}</div>
      </Captioned>
    </div>
  );
}

function Captioned({ caption, children }: { caption: string; children: ComponentChildren }) {
  return (
    <figure>
      {children}
      <figcaption class="muted">{caption}</figcaption>
    </figure>
  );
}

/** What keeps the result from coming, and what to do. */
function Trouble({ standing, onRetry }: { standing: Standing; onRetry: () => void }) {
  if (standing.kind === "missing") {
    const names = standing.error.pictures.map(({ name }) => name).join(", ");
    return (
      <div class="note warning" role="alert">
        <strong>{text.editor.missingTitle}</strong> {text.editor.missingHint(names)}
      </div>
    );
  }
  if (standing.kind !== "failed") return null;
  return (
    <>
      <ErrorNote error={standing.error} onRetry={onRetry} />
      {standing.retryAt !== null && <Countdown until={standing.retryAt} />}
    </>
  );
}

function Countdown({ until }: { until: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  return <p class="muted">{words.waiting(Math.max(0, Math.ceil((until - now) / 1000)))}</p>;
}

function Strange({ poses, look }: Strangeness) {
  const strange = [
    ...(poses.some((pose) => pose > STRANGE) ? [words.strangePose] : []),
    ...(look > STRANGE ? [words.strangeLook] : []),
  ];
  if (!strange.length) return null;
  return (
    <div class="note warning" role="status">
      <strong>{strange.join(" ")}</strong> {words.strangeHint}
    </div>
  );
}

function factsOf(result: Result | null, standing: Standing): string {
  if (standing.kind === "working") return words.working;
  if (!result || standing.kind !== "done") return "";
  const seconds = (result.milliseconds / 1000).toFixed(2);
  const facts = words.facts(seconds, words.places[result.place]);
  const means = result.place === "device" ? ` (${result.means})` : "";
  return `${facts}${means}, ${result.session.model}.`;
}
