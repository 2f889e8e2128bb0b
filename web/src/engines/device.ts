import { ask, askJson, ServiceError } from "../api/client";
import { text } from "../text";
import { DeviceError } from "./device_error";
import type { Engine, Look, ModelFacts, Pixels, Pose, Translations } from "./engine";
import { loadFiles, type OnProgress } from "./files";
import { fitted } from "./fit";
import { type Part, partsOf } from "./look";
import { findModel, type Model, neededFiles } from "./model";
import type { FromWorker, Means, SentPart, SentPose, ToWorker, Translate } from "./protocol";

const MOST_THREADS = 4; // with more they wait for each other most of the time

export interface DeviceOptions {
  signal?: AbortSignal;
  /** Bytes of the model's files. */
  onProgress?: OnProgress;
}

/** The engine that runs the model in this browser; null is the service's default one. Throws DeviceError. */
export async function openDevice(name: string | null, options: DeviceOptions = {}): Promise<Engine> {
  const { signal = new AbortController().signal, onProgress = () => {} } = options;
  if (!("WebAssembly" in globalThis)) throw new DeviceError(text.device.noWasm, text.device.noWasmHint);
  const model = await findModel(name, signal);
  const files = neededFiles(model.files);
  if (!files) throw new DeviceError(text.device.noGraphs(model.facts.model), text.device.noGraphsHint);
  const contents = await loadFiles(model.facts.model, files, signal, onProgress);
  const gpu = await hasGpu();
  try {
    return await opened(model, contents, gpu ? { kind: "webgpu" } : wasm(), signal);
  } catch (error) {
    if (!gpu || !(error instanceof DeviceError)) throw error;
    return opened(model, contents, wasm(), signal); // many a graphics card promises more than it keeps
  }
}

/** What is used of WebGPU here: TypeScript's library does not know it yet. */
interface Gpu {
  requestAdapter(): Promise<{ info: { isFallbackAdapter?: boolean } } | null>;
}

/** Whether there is a graphics card, and the browser lets wasm wait for it (JSPI), as the runtime needs. */
async function hasGpu(): Promise<boolean> {
  if (!("Suspending" in WebAssembly)) return false;
  const { gpu } = navigator as { gpu?: Gpu };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return adapter != null && !adapter.info.isFallbackAdapter; // one that the processor plays takes seconds
}

/** One core stays free: a thread that waits for one that gets no core is slower than none (docs/device.md). */
function wasm(): Means {
  const free = Math.max(navigator.hardwareConcurrency - 1, 1);
  return { kind: "wasm", threads: crossOriginIsolated ? Math.min(free, MOST_THREADS) : 1 };
}

async function opened(
  model: Model,
  files: Record<string, ArrayBuffer>,
  means: Means,
  signal: AbortSignal,
): Promise<Engine> {
  const engine = new DeviceEngine(model.facts, means);
  try {
    await engine.open(files, signal);
  } catch (error) {
    engine.close();
    throw error;
  }
  return engine;
}

interface Waiting {
  resolve(answer: Extract<FromWorker, { kind: "opened" | "translated" }>): void;
  reject(error: unknown): void;
}

class DeviceEngine implements Engine {
  readonly place = "device";
  readonly means: string;
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  /** By the number of the request; 0 is the opening. */
  private readonly waiting = new Map<number, Waiting>();
  private readonly saved = new Map<string, Promise<void>>();
  private number = 0;
  private broken: DeviceError | null = null;

  constructor(
    readonly facts: ModelFacts,
    means: Means,
  ) {
    this.means = means.kind === "webgpu" ? "WebGPU" : text.device.threads(means.threads);
    this.open = (files, signal) => this.ask(0, { kind: "open", means, files }, signal).then(() => {});
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.heard(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.breakDown(new DeviceError(text.device.failed, event.message ?? text.device.noWorkerHint));
    };
  }

  readonly open: (files: Record<string, ArrayBuffer>, signal: AbortSignal) => Promise<void>;

  async translate(poses: Pose[], look: Look, signal: AbortSignal): Promise<Translations> {
    const start = performance.now();
    const parts = partsOf(look);
    await Promise.all(parts.map((part) => part.kind === "saved" && this.fetchSaved(part.id)));
    signal.throwIfAborted();
    const message: Translate = {
      kind: "translate",
      number: ++this.number,
      poses: poses.map((pose) => this.sentPose(pose)),
      parts: parts.map((part) => this.sentPart(part)),
    };
    const answer = await this.ask(message.number, message, signal);
    if (answer.kind !== "translated") throw new Error("an opening is no translation");
    const { size } = this.facts;
    const images = answer.images.map((image) => new ImageData(image, size, size));
    return { images, milliseconds: performance.now() - start, strangeness: answer.strangeness };
  }

  close(): void {
    this.worker.terminate();
    this.breakDown(new DeviceError(text.device.closed, ""));
  }

  private ask(
    number: number,
    message: ToWorker,
    signal: AbortSignal,
  ): Promise<Extract<FromWorker, { kind: "opened" | "translated" }>> {
    return new Promise((resolve, reject) => {
      if (this.broken) return reject(this.broken);
      const drop = () => {
        this.waiting.delete(number);
        this.worker.postMessage({ kind: "drop", number } satisfies ToWorker);
        reject(signal.reason);
      };
      const done =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal.removeEventListener("abort", drop);
          this.waiting.delete(number);
          settle(value);
        };
      signal.addEventListener("abort", drop, { once: true });
      this.waiting.set(number, { resolve: done(resolve), reject: done(reject) });
      this.worker.postMessage(message);
    });
  }

  private heard(message: FromWorker): void {
    if (message.kind === "failed") {
      const error = new DeviceError(message.message, message.hint);
      this.waiting.get(message.number ?? 0)?.reject(error);
    } else {
      this.waiting.get(message.kind === "opened" ? 0 : message.number)?.resolve(message);
    }
  }

  private breakDown(error: DeviceError): void {
    this.broken ??= error;
    for (const each of [...this.waiting.values()]) each.reject(error);
  }

  private sentPose(pose: Pose): SentPose {
    return pose.kind === "picture"
      ? { kind: "picture", rgb: this.rgbOf(pose.pixels) }
      : { kind: "gallery", index: indexOf(pose.name, this.facts.poses) };
  }

  private sentPart(part: Part): SentPart {
    const { share } = part;
    if (part.kind === "picture") return { kind: "picture", rgb: this.rgbOf(part.pixels), share };
    if (part.kind === "saved") return { kind: "saved", id: part.id, share };
    return { kind: "gallery", index: indexOf(part.name, this.facts.looks), share };
  }

  private rgbOf(pixels: Pixels): Uint8ClampedArray {
    return fitted(pixels, this.facts.size, this.facts.background);
  }

  /** A look that the service keeps: its codes, once. */
  private fetchSaved(id: string): Promise<void> {
    const path = `/v1/looks/${encodeURIComponent(id)}`;
    const fetched = async () => {
      const { weights } = await askJson<{ weights: number[] }>(path);
      const codes = await (await ask(`${path}/codes`)).arrayBuffer();
      this.worker.postMessage({ kind: "saved", id, codes, weights } satisfies ToWorker);
    };
    const coming = this.saved.get(id) ?? fetched();
    this.saved.set(id, coming);
    coming.catch(() => this.saved.delete(id)); // it is tried again
    return coming;
  }
}

/** Throws what the service would answer. */
function indexOf(name: string, names: string[]): number {
  const index = names.indexOf(name);
  if (index < 0) {
    throw new ServiceError(text.engines.notInGallery(name), text.engines.notInGalleryHint, 404);
  }
  return index;
}
