/** The one face of what translates: the device's own model, or the service. */

/** RGBA pixels of a picture, as a canvas has them. */
export type Pixels = ImageData;

/** A pose: a picture, or one of the model's gallery. */
export type Pose = { kind: "picture"; pixels: Pixels } | { kind: "gallery"; name: string };

/** A look: example pictures with their weights, one of the gallery, or two of them blended. */
export type Look =
  | { kind: "examples"; examples: { pixels: Pixels; weight: number }[] }
  | { kind: "gallery"; name: string }
  | { kind: "saved"; id: string }
  | { kind: "blend"; looks: [Look, Look]; share: number }; // `share` of the second, 0 to 1

/** What a model offers and what it is. */
export interface ModelFacts {
  /** NAME@VERSION. */
  model: string;
  /** Pixels of a side of what it makes. */
  size: number;
  /** Is laid under transparent pixels: red, green, blue in 0..255. */
  background: readonly [number, number, number];
  poses: string[];
  looks: string[];
  /** Poses that belong together, as the frames of a walk, by their common name. */
  rows: Record<string, string[]>;
  /** Bytes that a first visit loads before it can translate on the device; null: only the service can. */
  bytes: number | null;
}

/** How unlike the model's training data an input is: 1 is as usual, from 2 on results suffer. */
export interface Strangeness {
  poses: number[];
  look: number;
}

export interface Translations {
  images: Pixels[];
  /** From the request to the pictures. */
  milliseconds: number;
  /** null: it is not known here. */
  strangeness: Strangeness | null;
}

export interface Engine {
  readonly place: "device" | "server";
  /** How it computes, for people: `WebGPU`, `wasm, 2 threads`, `service`. */
  readonly means: string;
  readonly facts: ModelFacts;
  /** All poses in one look. Aborting the signal drops the work; the promise then rejects with AbortError. */
  translate(poses: Pose[], look: Look, signal: AbortSignal): Promise<Translations>;
  /** Frees memory and workers. */
  close(): void;
}
