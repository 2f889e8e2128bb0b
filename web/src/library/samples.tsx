import { useEffect, useState } from "preact/hooks";
import { listSamples, samplePath } from "../api/jobs";
import { text } from "../text";
import { count } from "../ui/format";
import { Picture } from "../ui/picture";
import { Loading, useLoaded } from "./loading";

const words = text.library.jobs;

/** The sample grids of a candidate: the newest, and by a slider those before. */
export function Samples({
  id,
  candidate,
  numNew,
}: {
  id: string;
  candidate: number;
  /** When it grows there are more. */
  numNew: number;
}) {
  const names = useLoaded((signal) => listSamples(id, candidate, signal), [id, candidate]);
  useEffect(() => {
    if (numNew > 0) names.reload();
  }, [numNew]);
  return (
    <Loading of={names}>
      {(found) =>
        found.length === 0 ? (
          <p class="muted">{words.noSamples}</p>
        ) : (
          <Grid id={id} candidate={candidate} names={found} />
        )
      }
    </Loading>
  );
}

function Grid({ id, candidate, names }: { id: string; candidate: number; names: string[] }) {
  const [chosen, setChosen] = useState<string | null>(null); // null: the newest, whichever it is
  const at = chosen === null ? names.length - 1 : Math.max(0, names.indexOf(chosen));
  const name = names[at]!;
  const images = count(parseInt(name, 10));
  return (
    <div class="samples">
      <Picture
        class="sharp sample"
        path={samplePath(id, candidate, name)}
        alt={words.sampleOf(images)}
      />
      <p class="muted">{words.samplesAbout}</p>
      {names.length > 1 ? (
        <label>
          {words.samplesWhen}: {images}
          <input
            type="range"
            min={0}
            max={names.length - 1}
            value={at}
            aria-valuetext={words.samplesAt(images)}
            onInput={(event) => {
              const index = Number(event.currentTarget.value);
              setChosen(index === names.length - 1 ? null : names[index]!);
            }}
          />
        </label>
      ) : (
        <p>{words.samplesAt(images)}</p>
      )}
    </div>
  );
}
