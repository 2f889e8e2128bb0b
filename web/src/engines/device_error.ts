import { text } from "../text";

/** What keeps a model from running on this device, in words for people. */
export class DeviceError extends Error {
  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

const OF_MEMORY = /memory|allocat|bad_alloc/i;

/** Whatever a browser or the runtime says, as a DeviceError. */
export function asDeviceError(error: unknown): DeviceError {
  if (error instanceof DeviceError) return error;
  const said = error instanceof Error ? error.message : String(error);
  return OF_MEMORY.test(said)
    ? new DeviceError(text.errors.memory, text.errors.memoryHint)
    : new DeviceError(text.device.failed, said);
}
