/** The looks that the service keeps for the person. */
import { ask, askJson } from "../api/client";
import type { ModelFacts } from "../engines/engine";
import { fileOf } from "../engines/server";
import { lookOf } from "./inputs";
import type { LookInput, Session } from "./session";

export interface SavedLook {
  id: string;
  name: string | null;
  model: string;
  num_examples: number;
}

const MOST = 200; // that are listed
const thumbnails = new Map<string, Promise<string>>();

/** The newest first; those of this model alone. */
export async function listSavedLooks(model: string): Promise<SavedLook[]> {
  const looks = await askJson<SavedLook[]>(`/v1/looks?limit=${MOST}`);
  return looks.filter((look) => look.model === model);
}

export async function deleteSavedLook(id: string): Promise<void> {
  await ask(`/v1/looks/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export const savedLookPath = (id: string) => `/v1/looks/${encodeURIComponent(id)}/thumbnail`;

/** The address in this page of a picture that the service has at a path. */
export function thumbnail(path: string): Promise<string> {
  let found = thumbnails.get(path);
  if (!found) {
    found = ask(path)
      .then((answer) => answer.blob())
      .then((blob) => URL.createObjectURL(blob));
    found.catch(() => thumbnails.delete(path));
    thumbnails.set(path, found);
  }
  return found;
}

/** Whether the service can keep the session's look: of pictures, or of looks that it knows. */
export function canSave({ looks }: Session): boolean {
  const [first, second] = looks;
  if (second) return looks.every(({ kind }) => kind !== "examples");
  return first.kind === "examples" && first.examples.length > 0;
}

/** Lets the service keep the session's look under a name. */
export async function saveLook(session: Session, name: string, facts: ModelFacts): Promise<LookInput> {
  const saved = await (session.looks.length === 2 ? blended(session, name) : made(session, name, facts));
  return { kind: "saved", id: saved.id, name: saved.name ?? saved.id, model: saved.model };
}

async function made(session: Session, name: string, facts: ModelFacts): Promise<SavedLook> {
  const look = await lookOf(session);
  if (look.kind !== "examples") throw new Error("only looks of pictures are made");
  const form = new FormData();
  form.append("name", name);
  form.append("model", facts.model);
  for (const { pixels, weight } of look.examples) {
    form.append("examples", await fileOf(pixels, facts), "look.png");
    form.append("weights", String(weight));
  }
  return askJson<SavedLook>("/v1/looks", { method: "POST", body: form });
}

async function blended({ looks, share, model }: Session, name: string): Promise<SavedLook> {
  const names = looks.map((look) => (look.kind === "saved" ? look.id : look.kind === "gallery" && look.name));
  return askJson<SavedLook>("/v1/looks/blend", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ looks: names, weights: [1 - share, share], name, model }),
  });
}
