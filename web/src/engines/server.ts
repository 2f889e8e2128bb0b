import { ask } from "../api/client";
import { text } from "../text";
import { pngOf } from "../ui/canvas";
import type { Engine, Look, ModelFacts, Pixels, Pose, Strangeness, Translations } from "./engine";
import { fitted, toImageData } from "./fit";
import { partsOf } from "./look";
import { findModel } from "./model";

const MOST = 64; // contents of one request, by the service's own limit as it comes

/** The engine that lets the service translate with a model; null is its default one. */
export async function openServer(name: string | null, signal?: AbortSignal): Promise<Engine> {
  return new ServerEngine((await findModel(name, signal)).facts);
}

interface Answer {
  images: { image: string; media_type: string }[];
  strangeness: Strangeness | null;
}

type Drawn = Pick<Translations, "images" | "strangeness">;

class ServerEngine implements Engine {
  readonly place = "server";
  readonly means = text.engines.service;

  constructor(readonly facts: ModelFacts) {}

  async translate(poses: Pose[], look: Look, signal: AbortSignal): Promise<Translations> {
    const start = performance.now();
    const form = await this.formOf(look);
    const images = new Array<Pixels>(poses.length);
    const strange = new Array<number>(poses.length);
    let ofLook: number | null = null;
    for (const numbers of requests(poses)) {
      const body = copied(form);
      for (const n of numbers) await this.add(body, poses[n]!);
      const drawn = await this.asked(body, signal);
      numbers.forEach((n, i) => {
        images[n] = drawn.images[i]!;
        strange[n] = drawn.strangeness?.poses[i] ?? NaN;
      });
      ofLook = drawn.strangeness?.look ?? null;
    }
    const strangeness = ofLook === null ? null : { poses: strange, look: ofLook };
    return { images, milliseconds: performance.now() - start, strangeness };
  }

  close(): void {}

  private async formOf(look: Look): Promise<FormData> {
    const form = new FormData();
    form.append("model", this.facts.model);
    const parts = partsOf(look);
    const pictures = parts.filter((part) => part.kind === "picture");
    const named = parts.filter((part) => part.kind !== "picture");
    for (const part of pictures) form.append("examples", await fileOf(part.pixels, this.facts), "look.png");
    for (const part of named) form.append("look", part.kind === "saved" ? part.id : part.name);
    for (const part of [...pictures, ...named]) form.append("weights", String(part.share));
    return form;
  }

  private async add(form: FormData, pose: Pose): Promise<void> {
    if (pose.kind === "gallery") form.append("pose", pose.name);
    else form.append("content", await fileOf(pose.pixels, this.facts), "pose.png");
  }

  private async asked(body: FormData, signal: AbortSignal): Promise<Drawn> {
    const answer = await ask("/v1/translations", { method: "POST", body, signal });
    if (answer.headers.get("Content-Type")?.startsWith("image/")) {
      return { images: [await decoded(await answer.blob())], strangeness: told(answer.headers) };
    }
    const { images, strangeness } = (await answer.json()) as Answer;
    const files = images.map((each) => decoded(fromBase64(each.image, each.media_type)));
    return { images: await Promise.all(files), strangeness };
  }
}

/** A PNG at the model's size: so little is sent, and it is what the service would make of it. */
export function fileOf(pixels: Pixels, { size, background }: ModelFacts): Promise<Blob> {
  return pngOf(toImageData(fitted(pixels, size, background), size));
}

/** The poses by their numbers, so that a request has pictures only or poses of the gallery only. */
function requests(poses: Pose[]): number[][] {
  const found: number[][] = [];
  for (const kind of ["picture", "gallery"]) {
    const numbers = [...poses.keys()].filter((n) => poses[n]!.kind === kind);
    while (numbers.length) found.push(numbers.splice(0, MOST));
  }
  return found;
}

function told(headers: Headers): Strangeness | null {
  const look = headers.get("X-Funit-Look-Strangeness");
  if (look === null) return null;
  return { poses: [Number(headers.get("X-Funit-Pose-Strangeness"))], look: Number(look) };
}

function copied(form: FormData): FormData {
  const copy = new FormData();
  form.forEach((value, name) => copy.append(name, value));
  return copy;
}

async function decoded(file: Blob): Promise<Pixels> {
  const bitmap = await createImageBitmap(file, {
    premultiplyAlpha: "none",
    colorSpaceConversion: "none",
  });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height);
  bitmap.close();
  return pixels;
}

function fromBase64(base64: string, type: string): Blob {
  return new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], { type });
}
