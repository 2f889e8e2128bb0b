/** The graphs of a model in onnxruntime, each opened when it is first needed. */

import type * as Runtime from "onnxruntime-web";
import wasmModule from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import wasmBinary from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import gpuModule from "onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url";
import gpuBinary from "onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url";
import { WEIGHTS } from "./model";
import type { Means } from "./protocol";

const START_MS = 60_000;

export type Arrays = Record<string, { data: Float32Array; dims: number[] }>;

/** Loads the runtime: the one for graphics cards only where there is one. */
export async function loadRuntime(means: Means): Promise<typeof Runtime> {
  const gpu = means.kind === "webgpu";
  const runtime = gpu ? await import("onnxruntime-web/jspi") : await import("onnxruntime-web/wasm");
  const here = (path: string): string => new URL(path, import.meta.url).href;
  runtime.env.wasm.wasmPaths = gpu
    ? { mjs: here(gpuModule), wasm: here(gpuBinary) }
    : { mjs: here(wasmModule), wasm: here(wasmBinary) };
  runtime.env.wasm.numThreads = gpu ? 1 : means.threads;
  runtime.env.wasm.initTimeout = START_MS; // without it, a thread that does not load is waited for
  runtime.env.logLevel = "error";
  return runtime;
}

export class Sessions {
  private readonly open = new Map<string, Promise<Runtime.InferenceSession>>();

  constructor(
    private readonly runtime: typeof Runtime,
    private readonly means: Means,
    private readonly files: Record<string, ArrayBuffer>,
  ) {}

  /** What the graph computes, by the names of its outputs. */
  async run(graph: string, given: Arrays): Promise<Record<string, Float32Array>> {
    const session = await this.session(graph);
    const { Tensor } = this.runtime;
    const feeds = Object.fromEntries(
      Object.entries(given)
        .filter(([name]) => session.inputNames.includes(name)) // those without attention take less
        .map(([name, { data, dims }]) => [name, new Tensor("float32", data, dims)]),
    );
    const answers = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(answers).map(([name, tensor]) => [name, tensor.data as Float32Array]),
    );
  }

  session(graph: string): Promise<Runtime.InferenceSession> {
    const found = this.open.get(graph);
    if (found) return found;
    const coming = this.runtime.InferenceSession.create(new Uint8Array(this.files[graph]!), {
      executionProviders: [this.means.kind],
      externalData: [{ path: WEIGHTS, data: new Uint8Array(this.files[WEIGHTS]!) }],
      graphOptimizationLevel: "all",
      logSeverityLevel: 3, // errors alone
      extra: { session: { intra_op: { allow_spinning: "0" } } }, // threads that wait let others work
    });
    this.open.set(graph, coming);
    return coming;
  }
}
