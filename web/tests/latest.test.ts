import { expect, test } from "vitest";
import { Latest } from "../src/editor/latest";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("of fifty quick calls only the last is done", async () => {
  const latest = new Latest(5);
  const begun: number[] = [];
  const done: number[] = [];
  for (let n = 0; n < 50; n++) {
    latest.run(async () => (begun.push(n), n), (result) => done.push(result), () => {});
  }
  await pause(30);
  expect(begun).toEqual([49]);
  expect(done).toEqual([49]);
});

test("work that is under way is aborted, and never heard of even if it goes on", async () => {
  const latest = new Latest(0);
  const heard: unknown[] = [];
  const slow = async (signal: AbortSignal) => {
    await pause(20);
    return signal.aborted ? "late" : "in time";
  };
  latest.run(slow, (r) => heard.push(r), (e) => heard.push(e));
  await pause(5);
  latest.run(async () => "new", (r) => heard.push(r), (e) => heard.push(e));
  await pause(40);
  expect(heard).toEqual(["new"]);
});

test("an error is told, unless it is of what was dropped", async () => {
  const latest = new Latest(0);
  const heard: string[] = [];
  const fails = (words: string) => async () => Promise.reject(new Error(words));
  latest.run(fails("first"), () => {}, (error) => heard.push((error as Error).message));
  latest.drop();
  latest.run(fails("second"), () => {}, (error) => heard.push((error as Error).message));
  await pause(20);
  expect(heard).toEqual(["second"]);
});
