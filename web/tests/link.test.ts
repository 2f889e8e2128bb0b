import { expect, test } from "vitest";
import { WHOLE } from "../src/editor/crop";
import { decodeSession, EMBEDDED, encodeSession } from "../src/editor/link";
import { picture, type Session } from "../src/editor/session";

const crop = { turns: 3, flipped: true, angle: -12, x: 0.25, y: 0.5, side: 0.125 };
const SESSION: Session = {
  model: "default@1",
  pose: picture("ab".repeat(32), "Kätzchen.png", crop),
  looks: [
    { kind: "examples", examples: [{ ...picture("cd".repeat(32), "a.png"), weight: 0.75 }] },
    { kind: "saved", id: "look_1", name: "fox", model: "default@1" },
  ],
  share: 0.3,
};

test("a session without its pictures goes there and back", async () => {
  const word = await encodeSession(SESSION, async () => null);
  expect(word).toMatch(/^[\w-]+$/);
  expect(word.length).toBeLessThan(600);
  expect(await decodeSession(word)).toEqual({ session: SESSION, embedded: [] });
});

test("embedded pictures come back to the byte, in their places, cropped already", async () => {
  const files = [Uint8Array.from([1, 2, 3]), Uint8Array.from([250, 0, 4, 9])];
  const left = [...files];
  const { session, embedded } = await decodeSession(await encodeSession(SESSION, async () => left.shift()!));
  expect(embedded).toEqual(files);
  expect(session.pose).toEqual(picture(`${EMBEDDED}0`, "Kätzchen.png", WHOLE));
  const [look] = session.looks;
  expect(look.kind === "examples" && look.examples[0]).toEqual({
    ...picture(`${EMBEDDED}1`, "a.png"),
    weight: 0.75,
  });
});

test("what is no session is refused", async () => {
  const word = await encodeSession(SESSION, async () => null);
  await expect(decodeSession(word.slice(0, 40))).rejects.toThrow();
  await expect(decodeSession("nonsense")).rejects.toThrow();
});
