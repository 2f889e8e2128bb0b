/**
 * A session as a word that fits into an address, and back: base64url of deflate of
 *
 *     4 bytes, big-endian: the length of the JSON; the JSON; the embedded pictures, one after the other
 *
 * Embedded pictures are PNGs, cropped and as small as the model sees them. A picture that is not embedded
 * is named by its file and the SHA-256 of it: who opens the link has to have it.
 */
import { WHOLE, type Crop } from "./crop";
import type { Example, GalleryInput, LookInput, PictureInput, Session } from "./session";

const FORMAT = 1;

/** A picture in JSON: its name, and the length of the embedded PNG or the SHA-256 and the crop. */
type PictureCode = { n: string; b: number } | { n: string; h: string; c: CropCode };
type CropCode = [turns: number, flipped: 0 | 1, angle: number, x: number, y: number, side: number];
type LookCode = { g: string } | { i: string; n: string } | { e: [PictureCode, number][] };

interface Code {
  f: typeof FORMAT;
  m: string;
  p: { g: string } | PictureCode | null;
  l: LookCode[];
  s: number;
}

export interface Opened {
  session: Session;
  /** The embedded pictures; in the session they have the `sha` `embedded:N`. */
  embedded: Uint8Array<ArrayBuffer>[];
}

export const EMBEDDED = "embedded:";

/** The word. `embed` gives the PNG of a picture, or null: then it is only named. */
export async function encodeSession(
  session: Session,
  embed: (picture: PictureInput) => Promise<Uint8Array | null>,
): Promise<string> {
  const files: Uint8Array[] = [];
  const code = async (picture: PictureInput): Promise<PictureCode> => {
    const file = await embed(picture);
    if (!file) return { n: picture.name, h: picture.sha, c: cropCode(picture.crop) };
    files.push(file);
    return { n: picture.name, b: file.length };
  };
  const { pose } = session;
  const json: Code = {
    f: FORMAT,
    m: session.model,
    p: pose?.kind === "gallery" ? { g: pose.name } : pose && (await code(pose)),
    l: [],
    s: rounded(session.share),
  };
  for (const look of session.looks) json.l.push(await lookCode(look, code));
  return packed(JSON.stringify(json), files);
}

/** The session in a word; throws an Error where there is none. */
export async function decodeSession(word: string): Promise<Opened> {
  const bytes = await unpacked(word);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const json = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Code;
  if (json.f !== FORMAT || json.l.length < 1 || json.l.length > 2) throw new Error("unknown format");
  const embedded: Uint8Array<ArrayBuffer>[] = [];
  let at = 4 + length;
  const picture = (code: PictureCode): PictureInput => {
    if ("h" in code) return { kind: "picture", sha: code.h, name: code.n, crop: cropOf(code.c) };
    embedded.push(bytes.slice(at, (at += code.b)));
    const sha = `${EMBEDDED}${embedded.length - 1}`;
    return { kind: "picture", sha, name: code.n, crop: WHOLE };
  };
  const pose = json.p && ("g" in json.p ? gallery(json.p.g) : picture(json.p));
  const [first, second] = json.l.map((look) => lookOf(look, json.m, picture));
  const looks: Session["looks"] = second ? [first!, second] : [first!];
  return { session: { model: json.m, pose, looks, share: json.s }, embedded };
}

async function lookCode(
  look: LookInput,
  code: (picture: PictureInput) => Promise<PictureCode>,
): Promise<LookCode> {
  if (look.kind === "gallery") return { g: look.name };
  if (look.kind === "saved") return { i: look.id, n: look.name };
  const e: [PictureCode, number][] = [];
  for (const example of look.examples) e.push([await code(example), rounded(example.weight)]);
  return { e };
}

function lookOf(
  code: LookCode,
  model: string,
  picture: (code: PictureCode) => PictureInput,
): LookInput {
  if ("g" in code) return gallery(code.g);
  if ("i" in code) return { kind: "saved", id: code.i, name: code.n, model };
  const examples: Example[] = code.e.map(([each, weight]) => ({ ...picture(each), weight }));
  return { kind: "examples", examples };
}

function gallery(name: string): GalleryInput {
  return { kind: "gallery", name };
}

function cropCode({ turns, flipped, angle, x, y, side }: Crop): CropCode {
  return [turns, flipped ? 1 : 0, rounded(angle), rounded(x), rounded(y), rounded(side)];
}

function cropOf([turns, flipped, angle, x, y, side]: CropCode): Crop {
  return { turns, flipped: flipped === 1, angle, x, y, side };
}

function rounded(value: number): number {
  return Math.round(value * 1e5) / 1e5;
}

async function packed(json: string, files: Uint8Array[]): Promise<string> {
  const text = new TextEncoder().encode(json);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length);
  const whole = new Blob([length, text, ...files] as BlobPart[]);
  const bytes = await through(whole, new CompressionStream("deflate-raw"));
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function unpacked(word: string): Promise<Uint8Array<ArrayBuffer>> {
  const letters = atob(word.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  return through(new Blob([bytes]), new DecompressionStream("deflate-raw"));
}

async function through(
  blob: Blob,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(blob.stream().pipeThrough(stream)).arrayBuffer());
}
