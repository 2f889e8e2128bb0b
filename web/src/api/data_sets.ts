import { ask, askJson } from "./client";
import { upload, type Sent } from "./upload";

export interface DataSetVersion {
  version: number;
  created_at: string;
  fingerprint: string;
  num_images: number;
  size: number;
}

export interface DataSet {
  name: string;
  created_at: string;
  origin: "upload" | "folder";
  newest: DataSetVersion;
}

export interface Problem {
  path: string;
  reason: string;
}

/** What `funit data check` says. */
export interface CheckReport {
  images: number;
  parts: Record<string, { classes: number; images: number; [more: string]: unknown }>;
  smallest_image: [number, number] | null;
  largest_image: [number, number] | null;
  problems: Problem[];
  num_problems: number;
}

export interface DataSetDetails extends DataSet {
  versions: DataSetVersion[];
  report: CheckReport;
}

export interface DataSetClass {
  part: string;
  cls: string;
  num_images: number;
  thumbnail: string;
}

export interface DataSetImage {
  id: number;
  name: string;
  size: number;
  width: number;
  height: number;
  thumbnail: string;
}

export interface Addition {
  version: DataSetVersion;
  num_added: number;
  problems: Problem[];
}

type Report = (sent: Sent) => void;

const PATH = "/v1/datasets";
const one = (name: string) => `${PATH}/${encodeURIComponent(name)}`;

/** Some of the data sets by name; `next` is given as `after` for those that follow. */
export const listDataSets = (signal: AbortSignal, after = "") =>
  askJson<{ items: DataSet[]; next: string | null }>(
    `${PATH}?${new URLSearchParams({ after })}`,
    { signal },
  );

export const showDataSet = (name: string, version: number | null, signal: AbortSignal) =>
  askJson<DataSetDetails>(`${one(name)}${ofVersion(version)}`, { signal });

export const listClasses = (name: string, version: number | null, signal: AbortSignal) =>
  askJson<DataSetClass[]>(`${one(name)}/classes${ofVersion(version)}`, { signal });

/** Some of the images of a class, behind an id. */
export function listImages(
  name: string,
  version: number | null,
  part: string,
  cls: string,
  after: number,
  signal: AbortSignal,
) {
  const query = new URLSearchParams({ part, cls, after: String(after), limit: "60" });
  if (version) query.set("version", String(version));
  return askJson<{ total: number; items: DataSetImage[]; next: number | null }>(
    `${one(name)}/images?${query}`,
    { signal },
  );
}

/** Sends a zip of class folders, which becomes a data set. */
export function uploadDataSet(name: string, file: File, report: Report, signal: AbortSignal) {
  const form = new FormData();
  form.set("name", name);
  form.set("file", file);
  return upload<DataSetDetails>(PATH, form, report, signal);
}

/** Makes a data set of a folder on the server. */
export const registerFolder = (name: string, folder: string) =>
  askJson<DataSetDetails>(`${PATH}/registered`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name, folder }),
  });

/** Sends images of one class: the next version of the data set. */
export function addImages(
  name: string,
  part: string,
  cls: string,
  files: File[],
  report: Report,
  signal: AbortSignal,
) {
  const form = new FormData();
  form.set("cls", cls);
  form.set("part", part);
  for (const file of files) form.append("files", file);
  return upload<Addition>(`${one(name)}/images`, form, report, signal);
}

export const removeImage = (name: string, id: number) =>
  ask(`${one(name)}/images/${id}`, { method: "DELETE" });

export const removeDataSet = (name: string) => ask(one(name), { method: "DELETE" });

const ofVersion = (version: number | null) => (version ? `?version=${version}` : "");
