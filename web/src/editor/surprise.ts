/** Poses that differ as much as can be, one after the other. */
import { askJson } from "../api/client";
import type { Engine } from "../engines/engine";
import type { GalleryPictures } from "./gallery_pictures";
import { openSavedPose } from "./saved_poses";
import type { PoseInput } from "./session";

const COUNT = 8; // that are suggested at once
const SIDE = 16; // pixels of the picture by which the device compares poses, as the service does

interface Suggested {
  pose: string;
  source: "gallery" | "uploaded";
}

/** Gives a pose that differs from those that it gave before. */
export class Surprises {
  private left: Suggested[] = [];

  constructor(
    private readonly engine: Engine,
    private readonly gallery: GalleryPictures,
  ) {}

  async next(before: PoseInput | null): Promise<PoseInput> {
    if (!this.left.length) this.left = await this.suggested(Math.floor(Math.random() * 2 ** 31));
    const { pose, source } = this.left.shift()!;
    if (source === "uploaded") return openSavedPose({ id: pose, name: null });
    const isSame = before?.kind === "gallery" && before.name === pose;
    return isSame && this.left.length ? this.next(before) : { kind: "gallery", name: pose };
  }

  private async suggested(seed: number): Promise<Suggested[]> {
    const { facts, place } = this.engine;
    if (place === "server") {
      const query = new URLSearchParams({ count: String(COUNT), seed: String(seed), model: facts.model });
      return askJson<Suggested[]>(`/v1/poses/suggest?${query}`);
    }
    const small = await Promise.all(facts.poses.map(async (name) => smaller(await this.gallery.pose(name))));
    return farthest(small, COUNT, seed % small.length).map((n) => ({
      pose: facts.poses[n]!,
      source: "gallery",
    }));
  }
}

/** Points, one by one the farthest from all before. */
export function farthest(points: readonly ArrayLike<number>[], count: number, first: number): number[] {
  const chosen = [first];
  const nearest = points.map((point) => distance(point, points[first]!));
  while (chosen.length < Math.min(count, points.length)) {
    const next = nearest.reduce((best, each, n) => (each > nearest[best]! ? n : best), 0);
    chosen.push(next);
    points.forEach((point, n) => {
      nearest[n] = chosen.includes(n) ? -1 : Math.min(nearest[n]!, distance(point, points[next]!));
    });
  }
  return chosen;
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += (a[n]! - b[n]!) ** 2;
  return sum;
}

/** The mean colours of a grid of `SIDE` by `SIDE` fields. */
function smaller({ width, height, data }: ImageData): Float64Array {
  const sums = new Float64Array(SIDE * SIDE * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const field = Math.floor((y * SIDE) / height) * SIDE + Math.floor((x * SIDE) / width);
      for (let c = 0; c < 3; c++) sums[3 * field + c]! += data[4 * (y * width + x) + c]!;
    }
  }
  return sums;
}
