import { ask, ServiceError } from "./client";

/** One event of a stream: its `event` field is the kind, its `data` is JSON. */
export interface ServerEvent {
  kind: string;
  data: Record<string, unknown>;
}

/** Makes events of the text of a stream, in whatever pieces it comes. */
export class EventParser {
  private id: string;
  private rest = "";
  private kind = "message";
  private data: string[] = [];

  /** `lastId` is that of the newest whole event, or what the stream said to go on from. */
  constructor(public lastId = "") {
    this.id = lastId;
  }

  push(piece: string): ServerEvent[] {
    const found: ServerEvent[] = [];
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/); // a last \r may be half a \r\n
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line !== "") this.read(line);
      else this.end(found);
    }
    return found;
  }

  private read(line: string): void {
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === "id") this.id = value;
    else if (name === "event") this.kind = value;
    else if (name === "data") this.data.push(value);
  }

  private end(found: ServerEvent[]): void {
    if (this.data.length) found.push({ kind: this.kind, data: JSON.parse(this.data.join("\n")) });
    this.lastId = this.id;
    this.kind = "message";
    this.data = [];
  }
}

export interface Listener {
  /** The stream is open: what is known from before may have changed. */
  opened(): void;
  heard(event: ServerEvent): void;
  /** The stream broke off; it is tried again. */
  lost(): void;
}

const LONGEST_WAIT = 10_000; // milliseconds

/**
 * Listens to a stream from now on, and again behind its last event whenever it breaks off, until
 * the signal is aborted. `EventSource` would do that by itself, but sends no API key. Throws
 * ServiceError where trying again is of no use.
 */
export async function listen(path: string, listener: Listener, signal: AbortSignal): Promise<void> {
  let parser = new EventParser();
  let wait = 0;
  while (!signal.aborted) {
    try {
      parser = new EventParser(parser.lastId); // without the half of an event that came last
      const headers: HeadersInit = parser.lastId ? { "Last-Event-ID": parser.lastId } : {};
      const { body } = await ask(`${path}?past=false`, { headers, signal });
      listener.opened();
      wait = 0;
      const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const event of parser.push(value)) listener.heard(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      const isFinal = error instanceof ServiceError && error.status > 0 && error.status < 429;
      if (isFinal) throw error;
    }
    if (signal.aborted) return;
    listener.lost();
    wait = Math.min(LONGEST_WAIT, 2 * wait + 1000);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
