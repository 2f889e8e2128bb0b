import { afterEach, describe, expect, it, vi } from "vitest";
import { EventParser, listen, type ServerEvent } from "../src/api/events";

const STREAM =
  'id: 3\n\nid: 4\nevent: state\ndata: {"state": "running"}\n\n: still there\n\n' +
  'id: 5\r\nevent: log\r\ndata: {"line":\r\ndata: "ä: b"}\r\n\r\n';
const EVENTS = [
  { kind: "state", data: { state: "running" } },
  { kind: "log", data: { line: "ä: b" } },
];

describe("EventParser", () => {
  it("reads events, ids without events, and comments", () => {
    const parser = new EventParser();

    expect(parser.push("id: 3\n\n")).toEqual([]);
    expect(parser.lastId).toBe("3");
    expect(parser.push(STREAM)).toEqual(EVENTS);
    expect(parser.lastId).toBe("5");
  });

  it("does not mind where the pieces end", () => {
    for (let size = 1; size < STREAM.length; size++) {
      const parser = new EventParser();
      const found: ServerEvent[] = [];
      for (let at = 0; at < STREAM.length; at += size) {
        found.push(...parser.push(STREAM.slice(at, at + size)));
      }
      expect(found).toEqual(EVENTS);
    }
  });
});

describe("listen", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("goes on behind the last event when the stream breaks off", async () => {
    vi.useFakeTimers();
    vi.stubGlobal("sessionStorage", { getItem: () => "funit_key" });
    const sent: Headers[] = [];
    const answers = [
      () => new Response('id: 7\nevent: state\ndata: {"state": "queued"}\n\nid: 8\nevent: st'),
      () => Promise.reject(new TypeError("network")),
      () => new Response('id: 8\nevent: state\ndata: {"state": "running"}\n\n'),
    ];
    vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
      sent.push(init.headers as Headers);
      return answers[sent.length - 1]!();
    });
    const heard: string[] = [];
    const end = new AbortController();
    const listening = listen(
      "/events",
      {
        opened: () => heard.push("opened"),
        lost: () => heard.push("lost"),
        heard: ({ data }) => {
          heard.push(String(data.state));
          if (data.state === "running") end.abort();
        },
      },
      end.signal,
    );
    await vi.advanceTimersByTimeAsync(20_000);
    await listening;

    expect(heard).toEqual(["opened", "queued", "lost", "lost", "opened", "running"]);
    expect(sent.map((headers) => headers.get("Last-Event-ID"))).toEqual([null, "7", "7"]);
    expect(sent[0]!.get("Authorization")).toBe("Bearer funit_key");
  });

  it("gives up where trying again is of no use", async () => {
    vi.stubGlobal("sessionStorage", { getItem: () => null });
    vi.stubGlobal("fetch", async () => new Response('{"error": "no job"}', { status: 404 }));
    const silent = { opened: vi.fn(), heard: vi.fn(), lost: vi.fn() };

    await expect(listen("/events", silent, new AbortController().signal)).rejects.toThrow("no job");
    expect(silent.lost).not.toHaveBeenCalled();
  });
});
