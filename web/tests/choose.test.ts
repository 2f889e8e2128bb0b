import { expect, test } from "vitest";
import { chooseEngine, type Openers } from "../src/engines/choose";
import { asDeviceError, DeviceError } from "../src/engines/device_error";
import type { Engine, ModelFacts } from "../src/engines/engine";

const FACTS: ModelFacts = {
  model: "m@1",
  size: 8,
  background: [255, 255, 255],
  poses: [],
  looks: [],
  rows: {},
  bytes: 1,
};
const BROKEN = new DeviceError("the card is lost", "load the page again");

/** An engine that answers, or fails, at once. */
function engine(place: "device" | "server", failure: () => Error | null = () => null) {
  const closed: string[] = [];
  const made: Engine & { closed: string[] } = {
    place,
    means: place,
    facts: FACTS,
    closed,
    translate: async () => {
      const error = failure();
      if (error) throw error;
      return { images: [], milliseconds: place === "device" ? 1 : 2, strangeness: null };
    },
    close: () => void closed.push(place),
  };
  return made;
}

function openers(device: () => Engine, server = () => engine("server")) {
  const opened: string[] = [];
  const made: Openers = {
    device: async () => {
      opened.push("device");
      return device();
    },
    server: async () => {
      opened.push("server");
      return server();
    },
  };
  return { made, opened };
}

const signal = () => new AbortController().signal;
const LOOK = { kind: "gallery", name: "fox" } as const;

test("the device translates where it can, and where the person wishes the service does", async () => {
  const { made, opened } = openers(() => engine("device"));

  expect((await chooseEngine(null, "auto", {}, made)).place).toBe("device");
  expect((await chooseEngine(null, "server", {}, made)).place).toBe("server");
  expect(opened).toEqual(["device", "server"]);
});

test("a device that cannot begin says why, and the service translates", async () => {
  const reasons: DeviceError[] = [];
  const { made } = openers(() => {
    throw BROKEN;
  });

  const chosen = await chooseEngine(null, "auto", { onFallback: (r) => reasons.push(r) }, made);

  expect(chosen.place).toBe("server");
  expect(reasons).toEqual([BROKEN]);
});

test("a device that fails in the middle hands over to the service, once", async () => {
  const reasons: DeviceError[] = [];
  const broken = engine("device", () => BROKEN);
  const { made, opened } = openers(() => broken);
  const chosen = await chooseEngine(null, "auto", { onFallback: (r) => reasons.push(r) }, made);

  const answers = await Promise.all([1, 2, 3].map(() => chosen.translate([], LOOK, signal())));

  expect(answers.map((each) => each.milliseconds)).toEqual([2, 2, 2]);
  expect([chosen.place, opened, broken.closed]).toEqual(["server", ["device", "server"], ["device"]]);
  expect(reasons).toEqual([BROKEN]);
});

test("where the person wishes the device alone, the service is never asked", async () => {
  const { made, opened } = openers(() => engine("device", () => BROKEN));
  const chosen = await chooseEngine(null, "device", {}, made);

  await expect(chosen.translate([], LOOK, signal())).rejects.toBe(BROKEN);
  expect(opened).toEqual(["device"]);
});

test("what is no failure of the device stays as it is", async () => {
  const stop = new DOMException("stop", "AbortError");
  const chosen = await chooseEngine(null, "auto", {}, openers(() => engine("device", () => stop)).made);

  await expect(chosen.translate([], LOOK, signal())).rejects.toBe(stop);
  expect(chosen.place).toBe("device");
});

test("where neither can, the service's error is told", async () => {
  const away = new Error("the service does not answer");
  const { made } = openers(
    () => engine("device", () => BROKEN),
    () => {
      throw away;
    },
  );
  const chosen = await chooseEngine(null, "auto", {}, made);

  await expect(chosen.translate([], LOOK, signal())).rejects.toBe(away);
});

test.each([
  ["RangeError: WebAssembly.Memory(): could not allocate memory", "not enough memory"],
  ["std::bad_alloc", "not enough memory"],
  ["no available backend found", "does not run on this device"],
])("%s is told in words", (said, words) => {
  expect(asDeviceError(new Error(said)).message).toContain(words);
});
