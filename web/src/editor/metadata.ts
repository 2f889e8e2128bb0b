/** Text inside of picture files: an `iTXt` chunk of a PNG, the XMP of a WebP. */

const PNG_HEAD = 8 + 25; // the signature, and the first chunk, IHDR
const KEYWORD = "funit";
const XMP = "http://ns.adobe.com/xap/1.0/";
const NAMESPACE = "urn:funit:settings";

type Bytes = Uint8Array<ArrayBuffer>;

/** The same PNG with the text under the keyword `funit`. */
export function pngWithText(png: Uint8Array, text: string): Bytes {
  // keyword, 0, not packed, 0, no language, 0, no translated keyword, 0, the text
  const body = new TextEncoder().encode(`${KEYWORD}\0\0\0\0\0${text}`);
  return joined([png.subarray(0, PNG_HEAD), chunk("iTXt", body), png.subarray(PNG_HEAD)]);
}

/** The text that `pngWithText` put there; null where there is none. */
export function textOfPng(png: Uint8Array): string | null {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const start = `${KEYWORD}\0\0\0\0\0`;
  for (let at = 8; at + 12 <= png.length; at += 12 + view.getUint32(at)) {
    const type = new TextDecoder("latin1").decode(png.subarray(at + 4, at + 8));
    const body = png.subarray(at + 8, at + 8 + view.getUint32(at));
    const text = type === "iTXt" ? new TextDecoder().decode(body) : "";
    if (text.startsWith(start)) return text.slice(start.length);
  }
  return null;
}

/** The same WebP with the text in its XMP, as `funit:settings`. */
export function webpWithText(
  webp: Uint8Array,
  { width, height, text }: { width: number; height: number; text: string },
): Bytes {
  const packet =
    `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">` +
    `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" ` +
    `xmlns:xmp="${XMP}" xmlns:funit="${NAMESPACE}" xmp:CreatorTool="funit" ` +
    `funit:settings="${escaped(text)}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>`;
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength);
  const parts: Uint8Array[] = [];
  let flags = 0x04 | 0x10; // XMP, and opacity, which a picture without any is allowed to claim
  for (let at = 12; at + 8 <= webp.length; ) {
    const type = new TextDecoder("latin1").decode(webp.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    const end = at + 8 + size + (size & 1);
    if (type === "VP8X") flags |= webp[at + 8]!;
    else parts.push(webp.subarray(at, end));
    at = end;
  }
  const head = new Uint8Array(10);
  head[0] = flags;
  for (let n = 0; n < 3; n++) {
    head[4 + n] = ((width - 1) >> (8 * n)) & 255;
    head[7 + n] = ((height - 1) >> (8 * n)) & 255;
  }
  const body = joined([riff("VP8X", head), ...parts, riff("XMP ", new TextEncoder().encode(packet))]);
  return riff("RIFF", joined([new TextEncoder().encode("WEBP"), body]));
}

function chunk(type: string, body: Uint8Array): Bytes {
  const named = joined([new TextEncoder().encode(type), body]);
  return joined([bigEndian(body.length), named, bigEndian(crc32(named))]);
}

function riff(type: string, body: Uint8Array): Bytes {
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, body.length, true);
  return joined([new TextEncoder().encode(type), size, body, new Uint8Array(body.length & 1)]);
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let n = 0; n < 8; n++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function joined(parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}
