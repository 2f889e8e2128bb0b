import { expect, test } from "vitest";
import type { ModelFacts } from "../src/engines/engine";
import {
  adapted,
  isComplete,
  movedExample,
  NO_LOOK,
  opening,
  picture,
  withBlend,
  withExamples,
  withoutLook,
  type Session,
} from "../src/editor/session";
import { farthest } from "../src/editor/surprise";

const FACTS: ModelFacts = {
  model: "m@2",
  size: 64,
  background: [255, 255, 255],
  poses: ["p1", "p2", "p3", "p4"],
  looks: ["l1", "l2", "l3", "l4"],
  rows: { p: ["p1", "p2", "p3", "p4"] },
  bytes: null,
};

test("a first visit shows a pose and a look of the model", () => {
  const session = opening(FACTS);
  expect(session.pose).toEqual({ kind: "gallery", name: "p2" });
  expect(isComplete(session)).toBe(true);
  expect(isComplete(opening({ ...FACTS, poses: [], looks: [], rows: {} }))).toBe(false);
});

test("with another model, what that one has not is replaced, and own pictures stay", () => {
  const own = picture("abc", "cat.png");
  const before: Session = {
    model: "m@1",
    pose: own,
    looks: [
      { kind: "gallery", name: "gone" },
      { kind: "gallery", name: "l4" },
    ],
    share: 0.2,
  };
  const after = adapted(before, FACTS);
  expect(after.pose).toEqual(own);
  expect(after.looks).toEqual([{ kind: "gallery", name: "l4" }]);
  const saved = { kind: "saved" as const, id: "look_1", name: "x", model: "m@1" };
  expect(adapted({ ...before, looks: [saved] }, FACTS).looks).toEqual([{ kind: "gallery", name: "l4" }]);
});

test("a look has at most five examples, which can be moved", () => {
  const look = withExamples(NO_LOOK, [..."abcdefg"].map((sha) => picture(sha, sha)));
  if (look.kind !== "examples") throw new Error();
  expect(look.examples.map(({ sha }) => sha).join("")).toBe("abcde");
  const moved = movedExample(look.examples, 0, 2);
  expect(moved.kind === "examples" && moved.examples.map(({ sha }) => sha).join("")).toBe("bcade");
});

test("examples that all count nothing make no look", () => {
  const look = withExamples(NO_LOOK, [picture("a", "a")]);
  const session = { ...opening(FACTS), looks: [look] as [typeof look] };
  expect(isComplete(session)).toBe(true);
  if (look.kind === "examples") look.examples[0]!.weight = 0;
  expect(isComplete(session)).toBe(false);
});

test("a blend has two looks, and the one that stays is the one that was not removed", () => {
  const blend = withBlend(opening(FACTS), { kind: "gallery", name: "l1" });
  expect(blend.looks).toHaveLength(2);
  expect(withoutLook(blend, 0).looks).toEqual([{ kind: "gallery", name: "l1" }]);
  expect(withoutLook(opening(FACTS), 0).looks).toEqual([NO_LOOK]);
});

test("poses that differ most come first, each once", () => {
  const points = [[0], [1], [10], [5]];
  expect(farthest(points, 9, 0)).toEqual([0, 2, 3, 1]);
});
