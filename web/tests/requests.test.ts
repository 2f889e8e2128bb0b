import { expect, test } from "vitest";
import { Dropped, Requests } from "../src/engines/requests";

const moment = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Answers in three steps; notes what began and how it ended. */
function noted() {
  const begun: number[] = [];
  const ended: string[] = [];
  const requests = new Requests<{ number: number }>(async ({ number }, pause) => {
    begun.push(number);
    try {
      for (let step = 0; step < 3; step++) await pause();
      ended.push(`${number} done`);
    } catch (error) {
      ended.push(`${number} ${error instanceof Dropped ? "dropped" : error}`);
    }
  });
  return { requests, begun, ended };
}

test("requests are answered in their order", async () => {
  const { requests, ended } = noted();

  for (const number of [1, 2, 3]) requests.add({ number });
  await moment();
  requests.add({ number: 4 });
  await moment();

  expect(ended).toEqual(["1 done", "2 done", "3 done", "4 done"]);
});

test("of many that are dropped for the next only the last is begun", async () => {
  const { requests, begun } = noted();

  for (let number = 1; number <= 50; number++) {
    requests.drop(number - 1);
    requests.add({ number });
  }
  await moment();

  expect(begun).toEqual([50]);
});

test("what is under way ends at its next step", async () => {
  const ended: string[] = [];
  let go = () => {};
  const requests = new Requests<{ number: number }>(async ({ number }, pause) => {
    try {
      await new Promise<void>((resolve) => (go = resolve));
      await pause();
      ended.push(`${number} done`);
    } catch {
      ended.push(`${number} dropped`);
    }
  });

  requests.add({ number: 1 });
  requests.add({ number: 2 });
  await moment();
  requests.drop(1);
  go();
  await moment();
  go();
  await moment();

  expect(ended).toEqual(["1 dropped", "2 done"]);
});

test("a number that nobody waits for may be dropped", async () => {
  const { requests, ended } = noted();

  requests.drop(7);
  requests.add({ number: 7 });
  await moment();

  expect(ended).toEqual(["7 done"]);
});
