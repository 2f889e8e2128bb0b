import { askJson, ServiceError } from "../api/client";
import type { ModelFacts } from "./engine";

/** A file of a model, as the service lists it. */
export interface ModelFile {
  name: string;
  sha256: string;
  size: number;
}

/** A version of a model: what it is, and what makes it up. */
export interface Model {
  facts: ModelFacts;
  files: ModelFile[];
  config: Config;
}

export interface Config {
  model: {
    image_size: number;
    class_code_size: number;
    num_halvings: number;
    plain_background: boolean;
  };
  data: { background: [number, number, number] };
}

interface Gallery {
  model: string;
  poses: string[];
  looks: string[];
  rows: Record<string, string[]>;
}

interface Details {
  name: string;
  version: number;
  config: Config;
  files: ModelFile[];
}

export const CLASS_CODE = "class_code.onnx";
export const TRANSLATION = "translation.onnx";
export const DRAWING = "drawing.onnx";
export const WEIGHTS = "weights.safetensors";
export const ABOUT = "model.json";
export const GALLERY = "gallery.safetensors";

/** What the device needs of a model; without one of them only the service can translate. */
const NEEDED = [CLASS_CODE, TRANSLATION, DRAWING, WEIGHTS, ABOUT];

/** Of onnxruntime's wasm, as sent: the build fills it in. */
declare const RUNTIME_BYTES: number;

/** The model of that name (NAME, NAME@VERSION, NAME@ALIAS); null is the service's default. */
export async function findModel(name: string | null, signal?: AbortSignal): Promise<Model> {
  const init = signal ? { signal } : {};
  const gallery = await galleryOf(name, init);
  const label = gallery?.model ?? name ?? "";
  const details = await askJson<Details>(versionPath(label), init);
  const model = `${details.name}@${details.version}`;
  return {
    facts: {
      model,
      size: details.config.model.image_size,
      background: details.config.data.background,
      poses: gallery?.poses ?? [],
      looks: gallery?.looks ?? [],
      rows: gallery?.rows ?? {},
      bytes: bytesOf(details.files),
    },
    files: details.files,
    config: details.config,
  };
}

/** Where the service has a version of a model. */
export function versionPath(label: string): string {
  const [name = "", version = "latest"] = label.split("@");
  return `/v1/models/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`;
}

/** The files that the device loads, or null where one is missing. */
export function neededFiles(files: ModelFile[]): ModelFile[] | null {
  const found = NEEDED.map((name) => files.find((file) => file.name === name));
  const gallery = files.find((file) => file.name === GALLERY);
  if (found.some((file) => !file)) return null;
  return [...(found as ModelFile[]), ...(gallery ? [gallery] : [])];
}

function bytesOf(files: ModelFile[]): number | null {
  return neededFiles(files)?.reduce((sum, file) => sum + file.size, RUNTIME_BYTES) ?? null;
}

/** null: the model has none. */
async function galleryOf(name: string | null, init: RequestInit): Promise<Gallery | null> {
  const query = name ? `?model=${encodeURIComponent(name)}` : "";
  try {
    return await askJson<Gallery>(`/v1/gallery${query}`, init);
  } catch (error) {
    if (name && error instanceof ServiceError && error.status === 404) return null;
    throw error;
  }
}
