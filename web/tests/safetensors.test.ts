import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fromHalf, readSafetensors } from "../src/engines/safetensors";

const GALLERY = new URL("../../src/funit/models/default/gallery.safetensors", import.meta.url);

function file(header: object, ...numbers: ArrayBufferView[]): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
  const parts = [length, text, ...numbers.map((n) => new Uint8Array(n.buffer as ArrayBuffer))];
  return Uint8Array.from(parts.flatMap((part) => [...part])).buffer;
}

test("tensors of 8, 16 and 32 bits are read, with what is said of them", () => {
  const header = {
    __metadata__: { of: "a test" },
    half: { dtype: "F16", shape: [2], data_offsets: [0, 4] },
    full: { dtype: "F32", shape: [1, 2], data_offsets: [4, 12] },
    whole: { dtype: "I8", shape: [2], data_offsets: [12, 14] },
  };

  const found = readSafetensors(
    file(header, new Uint16Array([0x3c00, 0xc100]), new Float32Array([0.1, -7]), new Int8Array([127, -3])),
  );

  expect(found.metadata).toEqual({ of: "a test" });
  expect(found.tensors.get("half")).toEqual({ shape: [2], data: new Float32Array([1, -2.5]) });
  expect(found.tensors.get("whole")).toEqual({ shape: [2], data: new Float32Array([127, -3]) });
  expect(found.tensors.get("full")).toEqual({ shape: [1, 2], data: new Float32Array([0.1, -7]) });
});

test.each([
  [0x0000, 0],
  [0x0001, 2 ** -24],
  [0x03ff, 1023 * 2 ** -24],
  [0x0400, 2 ** -14],
  [0x3555, 0.333251953125],
  [0x7bff, 65504],
  [0xfbff, -65504],
  [0x7c00, Infinity],
])("the 16 bits %i are %f", (bits, number) => {
  expect(fromHalf(bits)).toBe(number);
});

test("the others are no numbers", () => {
  expect(fromHalf(0x7e00)).toBeNaN();
});

test("the gallery of a model is read", () => {
  const bytes = readFileSync(GALLERY);

  const { tensors, metadata } = readSafetensors(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer);

  const about = JSON.parse(metadata.gallery!) as { pose_names: string[]; look_names: string[] };
  expect(tensors.get("poses")!.shape[0]).toBe(about.pose_names.length);
  expect(tensors.get("class_code")!.shape[0]).toBe(about.look_names.length);
  expect(tensors.get("poses")!.data.every(Number.isFinite)).toBe(true);
});

test.each([
  ["nothing", new ArrayBuffer(0)],
  ["half a header", file({}).slice(0, 9)],
  ["half a tensor", file({ a: { dtype: "F32", shape: [4], data_offsets: [0, 16] } }, new Float32Array(2))],
])("%s is refused", (_, content) => {
  expect(() => readSafetensors(content)).toThrow("cut short");
});

test("a type that no model has is refused", () => {
  const header = { a: { dtype: "U8", shape: [4], data_offsets: [0, 4] } };

  expect(() => readSafetensors(file(header, new Uint8Array(4)))).toThrow("U8");
});
