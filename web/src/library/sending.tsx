import { useEffect, useRef, useState } from "preact/hooks";
import type { Sent } from "../api/upload";
import { text } from "../text";
import { bytes, percent } from "../ui/format";
import { useAction } from "./loading";

const words = text.library.datasets;

/** An upload under way: how far it is, and what stops it. */
export function useSending() {
  const [sent, setSent] = useState<Sent | null>(null);
  const [wasStopped, setStopped] = useState(false);
  const { isBusy, error, run } = useAction();
  const end = useRef(new AbortController());
  useEffect(() => () => end.current.abort(), []);

  const send = (action: (report: (sent: Sent) => void, signal: AbortSignal) => Promise<unknown>) =>
    run(async () => {
      end.current = new AbortController();
      setSent(null);
      setStopped(false);
      await action(setSent, end.current.signal);
    });
  const stop = () => {
    end.current.abort();
    setStopped(true);
  };
  return { isBusy, error, sent, wasStopped, send, stop };
}

export function SendingNote({
  of: { isBusy, sent, wasStopped, stop },
  checking = words.checking,
}: {
  of: ReturnType<typeof useSending>;
  /** What is said once all is sent. */
  checking?: string;
}) {
  if (!isBusy) return wasStopped ? <p role="status">{words.stopped}</p> : null;
  const isSent = sent !== null && sent.bytes >= sent.total;
  return (
    <div class="sending">
      <label>
        {sent === null || !isSent
          ? words.sending(
              bytes(sent?.bytes ?? 0),
              bytes(sent?.total ?? 0),
              percent(sent ? sent.bytes / sent.total : 0),
            )
          : checking}
        <progress max={1} value={isSent ? undefined : sent ? sent.bytes / sent.total : 0} />
      </label>
      <button type="button" onClick={stop}>
        {text.cancel}
      </button>
    </div>
  );
}
