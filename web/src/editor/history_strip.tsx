import { useEffect, useState } from "preact/hooks";
import { text } from "../text";
import { IconButton } from "../ui/buttons";
import { isSame, type Session } from "./session";
import type { HistoryEntry } from "./storage";
import { nameOf } from "./tiles";
import type { History } from "./use_history";

const words = text.editor.history;

/** The results so far, the newest first; each brings its session back. */
export function HistoryStrip({
  history,
  session,
  onUse,
}: {
  history: History;
  session: Session | null;
  onUse: (session: Session) => void;
}) {
  const { entries } = history;
  return (
    <section class="history" aria-labelledby="history-title">
      <header>
        <h2 id="history-title">{words.title}</h2>
        {entries.length > 0 && (
          <button type="button" class="quiet" onClick={history.clear}>
            {words.clear}
          </button>
        )}
      </header>
      {entries.length === 0 && <p class="muted">{words.empty}</p>}
      <ul class="strip">
        {entries.map((entry) => (
          <li key={entry.id} class="removable">
            <button
              type="button"
              class="tile-button"
              aria-label={nameOfEntry(entry)}
              aria-current={session !== null && isSame(entry.session, session) ? "true" : undefined}
              title={nameOfEntry(entry)}
              onClick={() => onUse(entry.session)}
              onKeyDown={(event) => event.key === "Delete" && history.remove(entry.id)}
            >
              <Thumbnail file={entry.result} />
            </button>
            <IconButton icon="close" label={words.remove} onClick={() => history.remove(entry.id)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Thumbnail({ file }: { file: Blob }) {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return <span class="tile">{url && <img src={url} alt="" />}</span>;
}

function nameOfEntry({ time, session: { pose, looks } }: HistoryEntry): string {
  const when = new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return words.entry(when, nameOf(pose), looks.map(nameOf).join(" + "));
}
