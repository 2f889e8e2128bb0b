/** A model on this device: pictures, looks and poses in, pictures out. Lives in the worker. */

import { text } from "../text";
import { Cache, keyOf, type LookCode, lookOf, merged, PARTS } from "./codes";
import { DeviceError } from "./device_error";
import { toFloats, toPixels } from "./fit";
import { CLASS_CODE, DRAWING, GALLERY, TRANSLATION, type Config } from "./model";
import type { SentPart, SentPose } from "./protocol";
import { readSafetensors, type Tensors } from "./safetensors";
import type { Arrays, Sessions } from "./sessions";
import { contentStrangeness, lookStrangeness, type Statistics } from "./strangeness";

const GRAPHS_FORMAT = 3; // `funit.model.graphs`
const TOGETHER = 4; // pictures of a step: few, so that what is dropped ends soon
const NUM_CONTENTS = 512; // a content map of a model of 64 px has 33 kB
const NUM_LOOKS = 64; // the look of one picture 100 kB

/** What model.json says. */
export interface About {
  name: string;
  config: Config;
  graphs: { format: number } | null;
  statistics: Statistics | null;
}

export interface Drawn {
  images: Uint8ClampedArray<ArrayBuffer>[];
  strangeness: { poses: number[]; look: number } | null;
}

type Pause = () => Promise<void>;

export class DeviceModel {
  private readonly size: number;
  private readonly gallery: Tensors | null;
  private readonly contents = new Cache<Float32Array>(NUM_CONTENTS);
  private readonly looks = new Cache<LookCode>(NUM_LOOKS);
  private readonly saved = new Map<string, { looks: LookCode[]; weights: number[] }>();

  constructor(
    private readonly sessions: Sessions,
    private readonly about: About,
    files: Record<string, ArrayBuffer>,
  ) {
    if (about.graphs?.format !== GRAPHS_FORMAT) {
      throw new DeviceError(text.device.noGraphs(about.name), text.device.noGraphsHint);
    }
    this.size = about.config.model.image_size;
    this.gallery = files[GALLERY] ? readSafetensors(files[GALLERY]) : null;
  }

  keep(id: string, codes: ArrayBuffer, weights: number[]): void {
    const file = readSafetensors(codes);
    this.saved.set(id, { looks: weights.map((_, n) => lookOf(file, `${n}.`)), weights });
  }

  /** Every pose in the look that the parts make together; `pause` is awaited between steps. */
  async translate(poses: SentPose[], parts: SentPart[], pause: Pause): Promise<Drawn> {
    const singles = await this.singles(parts, pause);
    const look = merged(
      singles.map((single) => single.look),
      singles.map((single) => single.share),
    );
    const images = new Array<Uint8ClampedArray<ArrayBuffer>>(poses.length);
    const maps = poses.map((pose) => this.known(pose));
    const of = (fits: (n: number) => boolean) => [...poses.keys()].filter(fits);
    for (const numbers of steps(of((n) => maps[n] !== undefined))) {
      await pause();
      const drawn = await this.draw(numbers.map((n) => maps[n]!), look);
      numbers.forEach((n, i) => (images[n] = drawn[i]!));
    }
    for (const numbers of steps(of((n) => maps[n] === undefined))) {
      await pause();
      const rgbs = numbers.map((n) => (poses[n] as { rgb: Uint8ClampedArray }).rgb);
      const made = await this.encodeAndDraw(rgbs, look);
      numbers.forEach((n, i) => ([images[n], maps[n]] = made[i]!));
    }
    return { images, strangeness: this.strangeness(maps as Float32Array[], singles) };
  }

  private known(pose: SentPose): Float32Array | undefined {
    if (pose.kind === "picture") return this.contents.get(keyOf(pose.rgb));
    const poses = this.gallery!.tensors.get("poses")!;
    const size = poses.data.length / poses.shape[0]!;
    return poses.data.subarray(pose.index * size, (pose.index + 1) * size);
  }

  /** The looks of single examples, and what each counts. */
  private async singles(parts: SentPart[], pause: Pause): Promise<{ look: LookCode; share: number }[]> {
    const found: { look: LookCode; share: number }[] = [];
    for (const part of parts) {
      if (part.kind === "gallery") {
        found.push({ look: lookOf(this.gallery!, "", part.index), share: part.share });
      } else if (part.kind === "saved") {
        const { looks, weights } = this.saved.get(part.id)!;
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        looks.forEach((look, n) => {
          if (weights[n]) found.push({ look, share: (part.share * weights[n]) / total });
        });
      } else {
        await pause();
        found.push({ look: await this.encodeExample(part.rgb), share: part.share });
      }
    }
    return found;
  }

  private async encodeExample(rgb: Uint8ClampedArray): Promise<LookCode> {
    const key = keyOf(rgb);
    const known = this.looks.get(key);
    if (known) return known;
    const parts = await this.sessions.run(CLASS_CODE, {
      examples: { data: this.floats([rgb]), dims: [1, 1, 3, this.size, this.size] },
      shares: { data: new Float32Array([1]), dims: [1, 1] },
    });
    const nothing = new Float32Array();
    const look = {
      classCode: parts.class_code!,
      keys: parts.keys ?? nothing,
      values: parts.values ?? nothing,
      logShares: parts.log_shares ?? nothing,
    };
    this.looks.put(key, look);
    return look;
  }

  private async draw(maps: Float32Array[], look: LookCode): Promise<Uint8ClampedArray<ArrayBuffer>[]> {
    const each = maps[0]!.length;
    const data = new Float32Array(maps.length * each);
    maps.forEach((map, n) => data.set(map, n * each));
    const [channels, height, width] = this.mapShape(each);
    const answers = await this.sessions.run(DRAWING, {
      content_map: { data, dims: [maps.length, channels, height, width] },
      ...repeated(look, maps.length),
    });
    return this.pictures(answers.translation!, maps.length);
  }

  /** Pictures with their content maps, which are kept. */
  private async encodeAndDraw(
    rgbs: Uint8ClampedArray[],
    look: LookCode,
  ): Promise<[Uint8ClampedArray<ArrayBuffer>, Float32Array][]> {
    const answers = await this.sessions.run(TRANSLATION, {
      content: { data: this.floats(rgbs), dims: [rgbs.length, 3, this.size, this.size] },
      ...repeated(look, rgbs.length),
    });
    const images = this.pictures(answers.translation!, rgbs.length);
    const each = answers.content_map!.length / rgbs.length;
    return rgbs.map((rgb, n) => {
      const map = answers.content_map!.slice(n * each, (n + 1) * each);
      this.contents.put(keyOf(rgb), map);
      return [images[n]!, map];
    });
  }

  private floats(rgbs: Uint8ClampedArray[]): Float32Array {
    const floats = new Float32Array(rgbs.length * 3 * this.size ** 2);
    rgbs.forEach((rgb, n) => toFloats(rgb, floats, n * rgb.length));
    return floats;
  }

  private pictures(floats: Float32Array, count: number): Uint8ClampedArray<ArrayBuffer>[] {
    const each = floats.length / count;
    return Array.from({ length: count }, (_, n) => toPixels(floats.subarray(n * each, (n + 1) * each)));
  }

  /** Channels, height and width of a content map with so many numbers. */
  private mapShape(length: number): [number, number, number] {
    const side = this.size / 2 ** this.about.config.model.num_halvings;
    return [length / side ** 2, side, side];
  }

  private strangeness(
    maps: Float32Array[],
    singles: { look: LookCode }[],
  ): { poses: number[]; look: number } | null {
    const { config, statistics } = this.about;
    if (!statistics) return null;
    const poses = maps.map((map) => {
      const [channels, height, width] = this.mapShape(map.length);
      const ofPose = channels - (config.model.plain_background ? 3 : 0); // the rest is a colour
      return contentStrangeness(map, height * width, ofPose, statistics);
    });
    const size = config.model.class_code_size;
    const looks = singles.map(({ look }) => lookStrangeness(look, size, statistics));
    return { poses, look: Math.max(...looks) };
  }
}

/** The look for each of so many pictures. */
function repeated(look: LookCode, count: number): Arrays {
  const numPositions = look.logShares.length;
  const arrays: Arrays = {};
  for (const [name, part] of Object.entries(PARTS)) {
    const one = look[part];
    const data = new Float32Array(count * one.length);
    for (let n = 0; n < count; n++) data.set(one, n * one.length);
    const inner = part === "classCode" || part === "logShares" ? [one.length] : [one.length / numPositions, numPositions];
    arrays[name] = { data, dims: [count, ...inner] };
  }
  return arrays;
}

function* steps(numbers: number[]): Generator<number[]> {
  for (let start = 0; start < numbers.length; start += TOGETHER) {
    yield numbers.slice(start, start + TOGETHER);
  }
}
