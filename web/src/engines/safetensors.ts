/** A tensor of a file, in 32 bits. */
export interface Tensor {
  shape: number[];
  data: Float32Array;
}

export interface Tensors {
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Reads a safetensors file: 8 bytes with the length of the header, the header in JSON, then the numbers. */
export function readSafetensors(file: ArrayBuffer): Tensors {
  const length = file.byteLength < 8 ? Infinity : Number(new DataView(file).getBigUint64(0, true));
  if (8 + length > file.byteLength) throw new Error("a file of tensors is cut short");
  const text = new TextDecoder().decode(new Uint8Array(file, 8, length));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(text) as Record<string, Entry> & {
    __metadata__?: Record<string, string>;
  };
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries)) {
    const [start, end] = data_offsets.map((offset) => 8 + length + offset) as [number, number];
    if (end > file.byteLength) throw new Error(`the tensor \`${name}\` is cut short`);
    tensors.set(name, { shape, data: floats(file.slice(start, end), dtype) });
  }
  return { tensors, metadata };
}

function floats(bytes: ArrayBuffer, dtype: string): Float32Array {
  if (dtype === "F32") return new Float32Array(bytes); // every machine with a browser is little-endian
  if (dtype === "F16") return Float32Array.from(new Uint16Array(bytes), fromHalf);
  if (dtype === "I8") return Float32Array.from(new Int8Array(bytes));
  throw new Error(`tensors of the type ${dtype} are not read`);
}

/** The number that 16 bits stand for: a sign, 5 bits of exponent, 10 of fraction. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
