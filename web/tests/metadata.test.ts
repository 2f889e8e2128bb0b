import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { pngWithText, textOfPng, webpWithText } from "../src/editor/metadata";

function chunk(type: string, body: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  return Buffer.concat([size, Buffer.from(type), body, Buffer.alloc(4)]);
}

const PNG = Buffer.concat([
  Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
  chunk("IHDR", Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0])),
  chunk("IDAT", deflateSync(Buffer.from([0, 7]))),
  chunk("IEND", new Uint8Array()),
]);

test("the text of a PNG is read again, and all else is as it was", () => {
  const text = JSON.stringify({ model: "default@1", name: "Kätzchen" });
  const written = Buffer.from(pngWithText(PNG, text));
  expect(textOfPng(written)).toBe(text);
  expect(textOfPng(PNG)).toBeNull();
  expect(written.subarray(0, 33)).toEqual(PNG.subarray(0, 33));
  expect(written.subarray(-(PNG.length - 33))).toEqual(PNG.subarray(33));
});

test("a WebP becomes an extended one with XMP behind the picture", () => {
  const picture = Buffer.concat([Buffer.from("VP8L"), Buffer.from([3, 0, 0, 0]), Buffer.from([1, 2, 3, 0])]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(4 + picture.length);
  const webp = Buffer.concat([Buffer.from("RIFF"), size, Buffer.from("WEBP"), picture]);
  const written = Buffer.from(webpWithText(webp, { width: 300, height: 2, text: '{"a":"<&"}' }));
  expect(written.readUInt32LE(4)).toBe(written.length - 8);
  expect(written.subarray(12, 16).toString()).toBe("VP8X");
  expect(written[20]! & 0x04).toBe(0x04); // there is XMP
  expect(written.readUIntLE(24, 3)).toBe(299);
  expect(written.readUIntLE(27, 3)).toBe(1);
  expect(written.includes(picture)).toBe(true);
  expect(written.toString("utf8")).toContain('funit:settings="{&quot;a&quot;:&quot;&lt;&amp;&quot;}"');
});
