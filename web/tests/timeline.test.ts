import { expect, test } from "vitest";
import type { Session } from "../src/editor/session";
import { amended, begun, changed, redone, undone } from "../src/editor/timeline";

function session(name: string, share = 0.5): Session {
  return { model: "m@1", pose: { kind: "gallery", name }, looks: [{ kind: "gallery", name: "l" }], share };
}

test("what was undone is redone", () => {
  const three = ["b", "c"].reduce((t, name) => changed(t, session(name), null, 0), begun(session("a")));
  const back = undone(undone(three));
  expect(back.present).toEqual(session("a"));
  expect(undone(back)).toBe(back);
  expect(redone(redone(back)).present).toEqual(session("c"));
  expect(redone(three)).toBe(three);
});

test("a change after an undo drops what was undone", () => {
  const back = undone(changed(begun(session("a")), session("b"), null, 0));
  const other = changed(back, session("c"), null, 0);
  expect(other.future).toEqual([]);
  expect(undone(other).present).toEqual(session("a"));
});

test("changes of one slider in quick succession are one change", () => {
  let timeline = begun(session("a", 0));
  for (const step of [1, 2, 3]) timeline = changed(timeline, session("a", step / 10), "share", step * 100);
  expect(undone(timeline).present.share).toBe(0);
  timeline = changed(timeline, session("a", 0.9), "share", 5000);
  expect(undone(timeline).present.share).toBe(0.3);
});

test("the same session again is no change, and amending is none", () => {
  const start = begun(session("a"));
  expect(changed(start, session("a"), null, 0)).toBe(start);
  expect(amended(start, session("b")).past).toEqual([]);
});

test("it is bounded", () => {
  let timeline = begun(session("0"));
  for (let n = 1; n <= 150; n++) timeline = changed(timeline, session(String(n)), null, 0);
  expect(timeline.past).toHaveLength(100);
});
