import { useState } from "preact/hooks";
import type { Score } from "../api/models";
import { text } from "../text";
import { Choice } from "../ui/buttons";
import { IntervalPlot } from "./chart";
import { Wide } from "./page";
import { short } from "./scales";
import { BASELINES, shotsOf, tableOf, type Better, type Table } from "./scores";

const words = text.library.scores;
const WAYS: Record<Better, string> = { lower: "↓", higher: "↑", neither: "" };
const NUM_PLOTS = 6;

/** Scores beside those of the baselines: plots of the first metrics, and tables of all. */
export function Scores({ rows }: { rows: readonly Score[] }) {
  const choices = shotsOf(rows);
  const [shots, setShots] = useState(choices.includes(5) ? 5 : (choices.at(-1) ?? 1));
  const [plain, ratios] = [tableOf(rows, shots, false), tableOf(rows, shots, true)];
  return (
    <div class="scores">
      {choices.length > 1 && (
        <Choice
          label={words.examples}
          options={choices.map((n) => ({ value: String(n), name: words.shots(n) }))}
          value={String(shots)}
          onChange={(n) => setShots(Number(n))}
          showsLabel
        />
      )}
      <Plots table={plain} />
      <ScoreTable table={plain} shots={shots} />
      {ratios.metrics.length > 0 && (
        <details>
          <summary>{words.ratios}</summary>
          <ScoreTable table={ratios} shots={shots} />
        </details>
      )}
    </div>
  );
}

function Plots({ table }: { table: Table }) {
  return (
    <>
      <div class="plots">
        {table.metrics.slice(0, NUM_PLOTS).map(({ metric, better, scores }) => (
          <IntervalPlot
            title={metric}
            note={`${WAYS[better]} ${words[better]}`}
            rows={scores.flatMap((score) =>
              score ? [{ ...score, name: modelName(score.model) }] : [],
            )}
          />
        ))}
      </div>
      <p class="muted">
        {words.bands} {words.about}
      </p>
    </>
  );
}

function ScoreTable({ table, shots }: { table: Table; shots: number }) {
  const caption = words.caption(words.shots(shots));
  return (
    <Wide name={caption}>
      <table class="numbers">
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{words.metric}</th>
            {table.models.map((model) => (
              <th scope="col">{modelName(model)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.metrics.map(({ metric, better, scores, best }) => (
            <tr>
              <th scope="row">
                {metric} <span aria-hidden="true">{WAYS[better]}</span>
                <span class="hidden">{words[better]}</span>
              </th>
              {scores.map((score, n) => (
                <td>{score && <Cell score={score} isBest={n === best} />}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Cell({ score, isBest }: { score: Score; isBest: boolean }) {
  const value = short(score.value);
  return (
    <span title={`${words.interval}, ${words.images(score.n)}`}>
      {isBest ? <strong>{value}</strong> : value}
      <small>
        {short(score.low)} – {short(score.high)}
      </small>
    </span>
  );
}

/** A run of a job is known by the path of its folder: its candidate's number is enough. */
function modelName(model: string): string {
  if (BASELINES.includes(model)) return model;
  const candidate = /candidate-(\d+)\/?$/.exec(model);
  if (candidate) return words.candidate(Number(candidate[1]) + 1);
  return model.split("/").at(-1) || model;
}
