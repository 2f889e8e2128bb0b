/** What a model's gallery looks like: its poses in one look, its looks in one pose, each drawn once. */
import type { Engine, Pixels, Pose } from "../engines/engine";
import { patiently } from "./patience";
import { opening } from "./session";

const AT_ONCE = 8; // poses of one request: others come between

interface Wanted {
  name: string;
  resolve: (pixels: Pixels) => void;
  reject: (error: unknown) => void;
}

export class GalleryPictures {
  private readonly poses = new Map<string, Promise<Pixels>>();
  private readonly looks = new Map<string, Promise<Pixels>>();
  private wantedPoses: Wanted[] = [];
  private wantedLooks: Wanted[] = [];
  private isBusy = false;
  private readonly closing = new AbortController();

  constructor(private engine: Engine) {}

  /** Another engine of the same model draws from here on. */
  use(engine: Engine): void {
    this.engine = engine;
  }

  /** Whether the model has it: while another model is opened, a session may still name the old one's. */
  has(kind: "pose" | "look", name: string): boolean {
    const { poses, looks } = this.engine.facts;
    return (kind === "pose" ? poses : looks).includes(name);
  }

  /** A pose of the gallery, in the gallery's first look. */
  pose(name: string): Promise<Pixels> {
    return this.drawn(this.poses, this.wantedPoses, name);
  }

  /** A look of the gallery, in the pose that the model opens with. */
  look(name: string): Promise<Pixels> {
    return this.drawn(this.looks, this.wantedLooks, name);
  }

  /** Nothing more is drawn. */
  close(): void {
    this.closing.abort();
  }

  private drawn(known: Map<string, Promise<Pixels>>, wanted: Wanted[], name: string) {
    let found = known.get(name);
    if (!found) {
      found = new Promise((resolve, reject) => wanted.push({ name, resolve, reject }));
      found.catch(() => known.delete(name)); // it is asked for again
      known.set(name, found);
      queueMicrotask(() => void this.work());
    }
    return found;
  }

  /** One request after the other, lest the result of the person waits for all of them. */
  private async work(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    const { poses, looks } = this.engine.facts;
    const shown = opening(this.engine.facts).pose;
    for (;;) {
      const some = this.wantedPoses.splice(0, AT_ONCE);
      const one = some.length ? undefined : this.wantedLooks.shift();
      if (!some.length && !one) break;
      if (one) {
        const pose: Pose = shown?.kind === "gallery" ? shown : { kind: "gallery", name: poses[0]! };
        await this.draw([one], [pose], one.name);
      } else {
        const wanted = some.map(({ name }): Pose => ({ kind: "gallery", name }));
        await this.draw(some, wanted, looks[0]!);
      }
    }
    this.isBusy = false;
  }

  private async draw(wanted: Wanted[], poses: Pose[], look: string): Promise<void> {
    try {
      const { signal } = this.closing;
      signal.throwIfAborted();
      const drawn = () => this.engine.translate(poses, { kind: "gallery", name: look }, signal);
      const { images } = await patiently(drawn, signal);
      wanted.forEach(({ resolve }, n) => resolve(images[n]!));
    } catch (error) {
      for (const { reject } of wanted) reject(error);
    }
  }
}
