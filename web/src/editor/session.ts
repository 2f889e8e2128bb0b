/** What the person has put together: a pose, and one look or two. Plain data, never changed in place. */
import type { ModelFacts } from "../engines/engine";
import { WHOLE, type Crop } from "./crop";

/** A picture of the person's own, by the SHA-256 of its file. */
export interface PictureInput {
  kind: "picture";
  sha: string;
  /** Of the file. */
  name: string;
  crop: Crop;
}

export interface GalleryInput {
  kind: "gallery";
  name: string;
}

export type PoseInput = PictureInput | GalleryInput;
export type Example = PictureInput & { weight: number };

export type LookInput =
  | { kind: "examples"; examples: Example[] }
  | GalleryInput
  /** One that the service keeps; only the model that made it draws it. */
  | { kind: "saved"; id: string; name: string; model: string };

export interface Session {
  /** NAME@VERSION. */
  model: string;
  pose: PoseInput | null;
  /** Two are blended. */
  looks: [LookInput] | [LookInput, LookInput];
  /** Of the second look, 0 to 1. */
  share: number;
}

export const MOST_EXAMPLES = 5;
const SHOWN = 3 / 8; // of the way through a row: a face, and no first frame, in the models of the package
export const NO_LOOK: LookInput = { kind: "examples", examples: [] };

/** What a first visit shows: a pose and a look of the model's own. */
export function opening({ model, poses, looks, rows }: ModelFacts): Session {
  const [row = poses] = Object.values(rows);
  const pose = row[Math.floor(row.length * SHOWN)];
  const look = looks[Math.floor((looks.length * 3) / 4)];
  return {
    model,
    pose: pose === undefined ? null : { kind: "gallery", name: pose },
    looks: [look === undefined ? NO_LOOK : { kind: "gallery", name: look }],
    share: 0.5,
  };
}

/** The session with another model: what that one does not have is replaced by what it opens with. */
export function adapted(session: Session, facts: ModelFacts): Session {
  const fresh = opening(facts);
  const isKnown = (input: PoseInput | LookInput, names: string[]) =>
    input.kind === "saved"
      ? input.model === facts.model
      : input.kind !== "gallery" || names.includes(input.name);
  const pose = session.pose && !isKnown(session.pose, facts.poses) ? fresh.pose : session.pose;
  const looks = session.looks.filter((look) => isKnown(look, facts.looks));
  const [first = fresh.looks[0], second] = looks;
  return { ...session, model: facts.model, pose, looks: second ? [first, second] : [first] };
}

/** Whether there is all that a translation needs. */
export function isComplete({ pose, looks }: Session): boolean {
  return pose !== null && looks.every((look) => look.kind !== "examples" || counts(look.examples));
}

export function withLook(session: Session, index: number, look: LookInput): Session {
  const [first, second] = session.looks.map((each, n) => (n === index ? look : each));
  return { ...session, looks: second ? [first!, second] : [first!] };
}

/** A second look to blend with, or none any more. */
export function withBlend(session: Session, second: LookInput | null): Session {
  const [first] = session.looks;
  return { ...session, looks: second ? [first, second] : [first], share: 0.5 };
}

export function withoutLook(session: Session, index: number): Session {
  const left = session.looks[1 - index];
  return left ? { ...session, looks: [left] } : { ...session, looks: [NO_LOOK] };
}

/** More examples, as many as there is room for; a look that was not of examples becomes one. */
export function withExamples(look: LookInput, added: readonly PictureInput[]): LookInput {
  const before = look.kind === "examples" ? look.examples : [];
  const more = added.map((picture) => ({ ...picture, weight: 1 }));
  return { kind: "examples", examples: [...before, ...more].slice(0, MOST_EXAMPLES) };
}

export function withoutExample(examples: readonly Example[], index: number): LookInput {
  return { kind: "examples", examples: examples.filter((_, n) => n !== index) };
}

/** The example at `from` comes to stand at `to`. */
export function movedExample(examples: readonly Example[], from: number, to: number): LookInput {
  const rest = examples.filter((_, n) => n !== from);
  return { kind: "examples", examples: rest.toSpliced(to, 0, examples[from]!) };
}

export function changedExample(
  examples: readonly Example[],
  index: number,
  change: Partial<Example>,
): LookInput {
  return {
    kind: "examples",
    examples: examples.map((each, n) => (n === index ? { ...each, ...change } : each)),
  };
}

/** Every picture of the person's own in it. */
export function picturesOf({ pose, looks }: Session): PictureInput[] {
  const examples = looks.flatMap((look) => (look.kind === "examples" ? look.examples : []));
  return pose?.kind === "picture" ? [pose, ...examples] : examples;
}

export function picture(sha: string, name: string, crop: Crop = WHOLE): PictureInput {
  return { kind: "picture", sha, name, crop };
}

export function isSame(a: Session, b: Session): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function counts(examples: readonly Example[]): boolean {
  return examples.some(({ weight }) => weight > 0);
}
