import { useId, useRef, useState } from "preact/hooks";
import type { Points } from "../api/jobs";
import { text } from "../text";
import { Wide } from "./page";
import { domainOf, nearest, padded, sampled, scale, short, ticks } from "./scales";

export interface Line {
  name: string;
  points: Points;
}

const [WIDTH, HEIGHT] = [340, 190];
const FRAME = { left: 46, right: WIDTH - 10, top: 8, bottom: HEIGHT - 34 };
/** So many lines look different from each other; then colours come again. */
const NUM_TONES = 6;
export const toneOf = (n: number) => `tone-${n % NUM_TONES}`;

/** Lines over images seen. Under the pointer, the values there are told below. */
export function LineChart({ title, lines }: { title: string; lines: readonly Line[] }) {
  const shown = lines.filter((line) => line.points.length > 0);
  const xs = domainOf(shown.flatMap((line) => line.points.map(([x]) => x)));
  const ys = padded(domainOf(shown.flatMap((line) => line.points.map(([, y]) => y))));
  const [place, height] = [
    scale(xs, FRAME.left, FRAME.right),
    scale(ys, FRAME.bottom, FRAME.top),
  ];
  const svg = useRef<SVGSVGElement>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const point = (event: PointerEvent) => {
    const box = svg.current!.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const share = (x - FRAME.left) / (FRAME.right - FRAME.left);
    setPointed(xs[0] + Math.min(1, Math.max(0, share)) * (xs[1] - xs[0]));
  };
  const told = shown.map((line) => line.points[nearest(line.points, pointed ?? Infinity)]!);

  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <svg
        ref={svg}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${title}. ${shown.map(summary).join("; ")}`}
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
      >
        <Axes xs={xs} ys={ys} />
        {shown.map((line) => (
          <Drawn line={line} tone={lines.indexOf(line)} place={place} height={height} />
        ))}
        {pointed !== null &&
          shown.map((line, n) => (
            <circle
              class={`dot ${toneOf(lines.indexOf(line))}`}
              cx={place(told[n]![0])}
              cy={height(told[n]![1])}
              r={3.5}
            />
          ))}
      </svg>
      <p class="readout" aria-hidden="true">
        {told.map(([x, y], n) => (
          <span>
            <i class={`swatch ${toneOf(lines.indexOf(shown[n]!))}`} />
            {short(y)} {pointed !== null && <small>@ {short(x)}</small>}
          </span>
        ))}
      </p>
    </figure>
  );
}

function Axes({ xs, ys }: { xs: [number, number]; ys: [number, number] }) {
  const [place, height] = [
    scale(xs, FRAME.left, FRAME.right),
    scale(ys, FRAME.bottom, FRAME.top),
  ];
  return (
    <g class="axes">
      {ticks(ys, 4).map((y) => (
        <g>
          <line x1={FRAME.left} x2={FRAME.right} y1={height(y)} y2={height(y)} />
          <text x={FRAME.left - 5} y={height(y) + 4} text-anchor="end">
            {short(y)}
          </text>
        </g>
      ))}
      {ticks(xs, 4).map((x) => (
        <text x={place(x)} y={FRAME.bottom + 15} text-anchor="middle">
          {short(x)}
        </text>
      ))}
      <path d={`M${FRAME.left} ${FRAME.top}V${FRAME.bottom}H${FRAME.right}`} />
      <text class="label" x={(FRAME.left + FRAME.right) / 2} y={HEIGHT - 4} text-anchor="middle">
        {text.library.jobs.imagesSeen}
      </text>
    </g>
  );
}

function Drawn({
  line,
  tone,
  place,
  height,
}: {
  line: Line;
  tone: number;
  place: (x: number) => number;
  height: (y: number) => number;
}) {
  const at = line.points.map(([x, y]) => `${place(x).toFixed(1)} ${height(y).toFixed(1)}`);
  if (at.length === 1) {
    const [x, y] = line.points[0]!;
    return <circle class={`dot ${toneOf(tone)}`} cx={place(x)} cy={height(y)} r={2.5} />;
  }
  return <path class={`curve ${toneOf(tone)}`} d={`M${at.join("L")}`} />;
}

function summary({ name, points }: Line): string {
  const [[firstX, firstY], [lastX, lastY]] = [points[0]!, points.at(-1)!];
  return text.library.jobs.curve(name, short(firstY), short(firstX), short(lastY), short(lastX));
}

/** Which line is whose. */
export function Legend({ names }: { names: readonly string[] }) {
  return (
    <ul class="legend">
      {names.map((name, n) => (
        <li>
          <svg class="key" viewBox="0 0 24 8" aria-hidden="true">
            <path class={`curve ${toneOf(n)}`} d="M1 4H23" />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}

/** The same in numbers, for who does not see lines: a column a curve, few rows. */
export function CurveTable({ name, lines }: { name: string; lines: readonly Line[] }) {
  const all = [...new Set(lines.flatMap((line) => line.points.map(([x]) => x)))];
  const rows = sampled(
    all.sort((a, b) => a - b),
    20,
  );
  return (
    <Wide name={name}>
      <table>
        <caption>{name}</caption>
        <thead>
          <tr>
            <th scope="col">{text.library.jobs.imagesSeen}</th>
            {lines.map((line) => (
              <th scope="col">{line.name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((x) => (
            <tr>
              <th scope="row">{x.toLocaleString("en")}</th>
              {lines.map(({ points }) => (
                <td>{points.length ? short(points[nearest(points, x)]![1]) : ""}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

export interface Interval {
  name: string;
  value: number;
  low: number;
  high: number;
}

/** A dot and its interval for each model, one above the other. */
export function IntervalPlot({
  title,
  note,
  rows,
}: {
  title: string;
  note: string;
  rows: readonly Interval[];
}) {
  const id = useId();
  const domain = padded(domainOf(rows.flatMap(({ low, high, value }) => [low, high, value])), 0.04);
  const place = scale(domain, 0, 100);
  const at = (value: number) => `${place(value).toFixed(2)}%`;
  return (
    <section class="intervals" aria-labelledby={id}>
      <h4 id={id}>
        {title} <small>{note}</small>
      </h4>
      <ul>
        {rows.map(({ name, value, low, high }, n) => (
          <li class={n === 0 ? "own" : ""}>
            <span>{name}</span>
            <svg aria-hidden="true">
              <line class="track" x1="0" x2="100%" y1="50%" y2="50%" />
              <line class={`curve ${toneOf(n === 0 ? 0 : 1)}`} x1={at(low)} x2={at(high)} y1="50%" y2="50%" />
              <circle class={`dot ${toneOf(n === 0 ? 0 : 1)}`} cx={at(value)} cy="50%" r="4" />
            </svg>
            <span class="number">{short(value)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
