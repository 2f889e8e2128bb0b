import { text } from "../text";
import { CurveTable, Legend, LineChart } from "./chart";
import { byCurve, type Run } from "./compare";

const words = text.library.jobs;

/** A small chart for each curve, with a line for each run; and all of it as tables. */
export function Curves({ runs }: { runs: readonly Run[] }) {
  const charts = byCurve(runs);
  if (charts.length === 0) return <p class="muted">{words.noCurves}</p>;
  return (
    <>
      {runs.length > 1 && <Legend names={runs.map((run) => run.name)} />}
      <div class="charts">
        {charts.map(({ curve, lines }) => (
          <LineChart key={curve} title={titleOf(curve)} lines={lines} />
        ))}
      </div>
      <details>
        <summary>{text.library.asTable}</summary>
        {charts.map(({ curve, lines }) => (
          <CurveTable key={curve} name={titleOf(curve)} lines={lines} />
        ))}
      </details>
    </>
  );
}

/** `g/reconstruction` in words. */
function titleOf(curve: string): string {
  const named = words.curveNames[curve];
  if (named) return named;
  const kind = words.kinds[curve.slice(0, 2)] ?? "";
  return kind + curve.slice(kind ? 2 : 0).replaceAll("_", " ");
}
