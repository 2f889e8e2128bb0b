import { useState } from "preact/hooks";
import type { ModelFacts } from "../engines/engine";
import { fileOf } from "../engines/server";
import { text } from "../text";
import { Dialog } from "../ui/dialog";
import { ErrorNote } from "../ui/notes";
import { usePromise } from "../ui/use_promise";
import { encodeSession } from "./link";
import { croppedPixels } from "./pictures";
import { picturesOf, type Session } from "./session";

const words = text.editor.link;
export const LONGEST_LINK = 60_000; // characters: longer ones are cut off by some programs

/** A window with an address that reproduces the session. */
export function LinkDialog({
  session,
  facts,
  onClose,
}: {
  session: Session;
  facts: ModelFacts;
  onClose: () => void;
}) {
  const [embeds, setEmbeds] = useState(true);
  const [isCopied, setCopied] = useState(false);
  const count = picturesOf(session).length;
  const found = usePromise(() => linkTo(session, facts, embeds), [session, embeds]);
  const link = found.state === "done" ? found.value.link : "";
  const copy = () => void navigator.clipboard.writeText(link).then(() => setCopied(true));
  return (
    <Dialog title={words.title} onClose={onClose}>
      <div class="stack">
        <p>{words.why}</p>
        {count > 0 && (
          <label class="check">
            <input
              type="checkbox"
              checked={embeds}
              onChange={(event) => setEmbeds(event.currentTarget.checked)}
            />
            {count === 1 ? words.embedOne : words.embed(count)}
          </label>
        )}
        {found.state === "failed" && <ErrorNote error={found.error} />}
        {found.state === "done" && count > 0 && !found.value.embedded && (
          <p class="note warning">{embeds ? words.tooLong : words.without}</p>
        )}
        <label class="field">
          {words.label}
          <textarea readOnly rows={3} value={link} onFocus={(event) => event.currentTarget.select()} />
        </label>
        <p class="muted">{words.length(link.length.toLocaleString())}</p>
        <div class="actions">
          <span role="status" class="grow">
            {isCopied && words.copied}
          </span>
          <button type="button" class="primary" disabled={!link} onClick={copy}>
            {words.copy}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

async function linkTo(
  session: Session,
  facts: ModelFacts,
  embeds: boolean,
): Promise<{ link: string; embedded: boolean }> {
  const start = `${location.origin}${location.pathname}#/?s=`;
  if (embeds) {
    const link = start + (await encodeSession(session, (each) => fileFor(each, facts)));
    if (link.length <= LONGEST_LINK) return { link, embedded: true };
  }
  return { link: start + (await encodeSession(session, async () => null)), embedded: false };
}

async function fileFor(
  picture: Parameters<typeof croppedPixels>[0],
  facts: ModelFacts,
): Promise<Uint8Array | null> {
  const pixels = await croppedPixels(picture);
  return pixels && new Uint8Array(await (await fileOf(pixels, facts)).arrayBuffer());
}
