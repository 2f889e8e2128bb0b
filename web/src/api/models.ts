import { ask, askJson } from "./client";
import { upload, type Sent } from "./upload";

/** A row of scores: of a published version, or of a report. */
export interface Score {
  model: string;
  part: string;
  shots: number;
  metric: string;
  value: number;
  low: number;
  high: number;
  n: number;
}

export interface ModelVersion {
  name: string;
  version: number;
  aliases: string[];
  image_size: number;
  num_classes: number;
  images: number;
  size: number;
  licence: string;
  created_at: string | null;
  parent: string | null;
}

export interface ModelDetails extends ModelVersion {
  config: Record<string, unknown>;
  training: Record<string, unknown>;
  scores: Score[];
  weights_sha256: string;
  data_fingerprint: string | null;
  made_by: string;
  files: { name: string; sha256: string; size: number }[];
}

export interface Gallery {
  model: string;
  data: string;
  poses: string[];
  looks: string[];
}

const one = (name: string, version: string | number) =>
  `/v1/models/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`;
const alias = (name: string, word: string) =>
  `/v1/models/${encodeURIComponent(name)}/aliases/${encodeURIComponent(word)}`;

/** All versions of all models, or of one. */
export async function listModels(signal: AbortSignal, name?: string): Promise<ModelVersion[]> {
  const path = name ? `/v1/models/${encodeURIComponent(name)}` : "/v1/models";
  return (await askJson<{ models: ModelVersion[] }>(path, { signal })).models;
}

/** A version, by its number or an alias. */
export const showVersion = (name: string, version: string | number, signal: AbortSignal) =>
  askJson<ModelDetails>(one(name, version), { signal });

/** The card of a version, in Markdown. */
export const showCard = async (name: string, version: string | number, signal: AbortSignal) =>
  (await ask(`${one(name, version)}/card`, { signal })).text();

export const exportPath = (name: string, version: number, layout: "folder" | "triton") =>
  `${one(name, version)}/export?layout=${layout}`;

export const filePath = (name: string, version: number, file: string) =>
  `${one(name, version)}/files/${encodeURIComponent(file)}`;

/** Sends an export, which becomes the next version of this name. */
export function importModel(
  name: string,
  file: File,
  report: (sent: Sent) => void,
  signal: AbortSignal,
) {
  const form = new FormData();
  form.set("file", file);
  const path = `/v1/models/${encodeURIComponent(name)}/versions`;
  return upload<ModelDetails>(path, form, report, signal);
}

export const removeVersion = (name: string, version: number) =>
  ask(one(name, version), { method: "DELETE" });

export const setAlias = (name: string, version: number, word: string) =>
  ask(alias(name, word), {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ version }),
  });

export const removeAlias = (name: string, word: string) =>
  ask(alias(name, word), { method: "DELETE" });

/** The names of the poses and looks that a model brings. */
export const showGallery = (model: string, signal: AbortSignal) =>
  askJson<Gallery>(`/v1/gallery?model=${encodeURIComponent(model)}`, { signal });

export const galleryImage = (model: string, pose: string, look: string) =>
  `/v1/gallery/image?${new URLSearchParams({ model, pose, look })}`;
