import { openDevice } from "./device";
import { DeviceError } from "./device_error";
import type { Engine, Look, ModelFacts, Pose, Translations } from "./engine";
import type { OnProgress } from "./files";
import { openServer } from "./server";

/** Where a person wants the model to run; `auto`: here if it can, `device`: here or not at all. */
export type Wish = "auto" | "device" | "server";

const KEY = "funit-engine";

/** The person's wish, remembered. */
export const wish = {
  get: (): Wish => {
    const kept = localStorage.getItem(KEY);
    return kept === "device" || kept === "server" ? kept : "auto";
  },
  set: (place: Wish): void => localStorage.setItem(KEY, place),
};

export interface ChoiceOptions {
  signal?: AbortSignal;
  /** Of what the device loads before it can translate. */
  onProgress?: OnProgress;
  /** Hears why the service translates although the device was wanted; now, or in the middle of the work. */
  onFallback?: (reason: DeviceError) => void;
}

/** How engines are opened. */
export interface Openers {
  device: typeof openDevice;
  server: typeof openServer;
}

const OPENERS: Openers = { device: openDevice, server: openServer };

/**
 * The engine that does what the person wishes, with this model; null is the service's default one.
 *
 * `auto`: where the device cannot, the service does, and `onFallback` hears why. Throws what keeps all that
 * are wished from it.
 */
export async function chooseEngine(
  model: string | null,
  place: Wish,
  options: ChoiceOptions = {},
  openers: Openers = OPENERS,
): Promise<Engine> {
  if (place === "server") return openers.server(model, options.signal);
  if (place === "device") return openers.device(model, options);
  const toServer = async (reason: DeviceError): Promise<Engine> => {
    const engine = await openers.server(model, options.signal);
    options.onFallback?.(reason);
    return engine;
  };
  try {
    return new Falling(await openers.device(model, options), toServer);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return toServer(error);
  }
}

/** The device's engine, until it fails; then the service's. */
class Falling implements Engine {
  constructor(
    private engine: Engine,
    private readonly toServer: (reason: DeviceError) => Promise<Engine>,
  ) {}

  get place(): "device" | "server" {
    return this.engine.place;
  }

  get means(): string {
    return this.engine.means;
  }

  get facts(): ModelFacts {
    return this.engine.facts;
  }

  async translate(poses: Pose[], look: Look, signal: AbortSignal): Promise<Translations> {
    const asked = this.engine;
    try {
      return await asked.translate(poses, look, signal);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (this.engine === asked) await this.fall(asked, error);
      return this.engine.translate(poses, look, signal);
    }
  }

  close(): void {
    this.engine.close();
  }

  private falling: Promise<void> | null = null;

  /** Once, however many requests fail at a time. */
  private fall(from: Engine, reason: DeviceError): Promise<void> {
    const fallen = async () => {
      this.engine = await this.toServer(reason);
      from.close();
    };
    this.falling ??= fallen().finally(() => (this.falling = null));
    return this.falling;
  }
}
