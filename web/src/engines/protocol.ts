/** What a page and the worker of its model say to each other. */

/** Opens the model; the first message. */
export interface Open {
  kind: "open";
  means: Means;
  /** By their names. */
  files: Record<string, ArrayBuffer>;
}

/** How it computes: on the graphics card, or on so many threads. */
export type Means = { kind: "webgpu" } | { kind: "wasm"; threads: number };

/** Pictures are RGB at the model's size; poses of the gallery are their numbers. */
export type SentPose = { kind: "picture"; rgb: Uint8ClampedArray } | { kind: "gallery"; index: number };

export type SentPart = { share: number } & (
  | { kind: "picture"; rgb: Uint8ClampedArray }
  | { kind: "gallery"; index: number }
  | { kind: "saved"; id: string }
);

export interface Translate {
  kind: "translate";
  number: number;
  poses: SentPose[];
  parts: SentPart[];
}

/** The codes of a look that the service keeps, sent once before it is asked for. */
export interface Saved {
  kind: "saved";
  id: string;
  codes: ArrayBuffer;
  weights: number[];
}

export interface Drop {
  kind: "drop";
  number: number;
}

export type ToWorker = Open | Translate | Saved | Drop;

export type FromWorker =
  | { kind: "opened" }
  | { kind: "failed"; number: number | null; message: string; hint: string }
  | {
      kind: "translated";
      number: number;
      /** RGBA of each. */
      images: Uint8ClampedArray<ArrayBuffer>[];
      strangeness: { poses: number[]; look: number } | null;
    };
