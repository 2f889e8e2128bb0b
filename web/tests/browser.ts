/** What the tests in a browser reach the engines by; it is in no build but theirs. */
import { chooseEngine, type Wish, wish } from "../src/engines/choose";
import type { Engine, Look, Pixels, Pose, Translations } from "../src/engines/engine";

export { wish };

/** A picture's file in base64, or a name in the model's gallery. */
type Given = { file: string } | { name: string };

interface GivenLook {
  examples?: { file: string; weight?: number }[];
  name?: string;
  saved?: string;
  /** With `share` of the second. */
  blend?: [GivenLook, GivenLook];
  share?: number;
}

let engine: Engine;
const reasons: string[] = [];

/** Opens the engine; gives what it says of itself. */
export async function open(place: Wish, model: string | null = null) {
  const loaded: [number, number][] = [];
  engine = await chooseEngine(model, place, {
    onProgress: (...bytes) => loaded.push(bytes),
    onFallback: (reason) => reasons.push(`${reason.message} ${reason.hint}`),
  });
  return { ...said(), facts: engine.facts, loaded: loaded.at(-1) ?? null };
}

/** Where it is now, and why not where it was. */
export function said() {
  return { place: engine.place, means: engine.means, reasons };
}

/** The translations, RGBA in base64. */
export async function translate(poses: Given[], look: GivenLook) {
  return packed(await asked(poses, look, new AbortController().signal));
}

/**
 * Asks again before the answer, so many times; gives what came of each. What was answered before it could be
 * asked again, as a busy machine's timers allow, is not counted, and is asked once more.
 */
export async function hurry(poses: Given[], look: GivenLook, times: number) {
  const given = await Promise.all([Promise.all(poses.map(pose)), lookOf(look)]);
  let controller = new AbortController();
  const outcomes: Promise<string>[] = [];
  while (outcomes.length < times) {
    controller.abort();
    controller = new AbortController();
    let isAnswered = false;
    const coming = engine.translate(...given, controller.signal).then(({ images }) => {
      isAnswered = true;
      return `${images.length} images`;
    });
    const outcome = coming.catch((error) => error.name);
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (!isAnswered || outcomes.length === times - 1) outcomes.push(outcome);
  }
  return Promise.all(outcomes);
}

/** Milliseconds of each, one after the other: of new pictures where `fresh`. */
export async function times(poses: Given[], look: GivenLook, count: number, fresh: boolean) {
  const given = await Promise.all(poses.map(pose));
  const wanted = await lookOf(look);
  const found: number[] = [];
  for (let n = 0; n < count; n++) {
    if (fresh) given.forEach((each) => each.kind === "picture" && touch(each.pixels, n));
    const { milliseconds } = await engine.translate(given, wanted, new AbortController().signal);
    found.push(milliseconds);
  }
  return found;
}

async function asked(poses: Given[], look: GivenLook, signal: AbortSignal): Promise<Translations> {
  return engine.translate(await Promise.all(poses.map(pose)), await lookOf(look), signal);
}

function touch(pixels: Pixels, n: number) {
  pixels.data[4 * n] = (pixels.data[4 * n]! + 1) % 256;
}

async function pose(given: Given): Promise<Pose> {
  if ("name" in given) return { kind: "gallery", name: given.name };
  return { kind: "picture", pixels: await pixelsOf(given.file) };
}

async function lookOf(given: GivenLook): Promise<Look> {
  if (given.name) return { kind: "gallery", name: given.name };
  if (given.saved) return { kind: "saved", id: given.saved };
  if (given.blend) {
    const [one, other] = given.blend;
    return { kind: "blend", looks: [await lookOf(one), await lookOf(other)], share: given.share! };
  }
  const examples = given.examples!.map(async ({ file, weight = 1 }) => ({
    pixels: await pixelsOf(file),
    weight,
  }));
  return { kind: "examples", examples: await Promise.all(examples) };
}

async function pixelsOf(file: string): Promise<Pixels> {
  const blob = new Blob([Uint8Array.from(atob(file), (char) => char.charCodeAt(0))]);
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

function packed({ images, milliseconds, strangeness }: Translations) {
  const pixels = images.map(({ data }) => btoa(Array.from(data, (x) => String.fromCharCode(x)).join("")));
  return { images: pixels, milliseconds, strangeness };
}
