/** The worker in which a model computes, so that the page stays awake. */

import { asDeviceError } from "./device_error";
import { type About, DeviceModel } from "./device_model";
import { ABOUT, DRAWING } from "./model";
import type { FromWorker, Open, ToWorker, Translate } from "./protocol";
import { Dropped, Requests } from "./requests";
import { loadRuntime, Sessions } from "./sessions";

let model: DeviceModel;

const requests = new Requests<Translate>(async ({ number, poses, parts }, pause) => {
  try {
    const { images, strangeness } = await model.translate(poses, parts, pause);
    const transfer = images.map((image) => image.buffer);
    tell({ kind: "translated", number, images, strangeness }, transfer);
  } catch (error) {
    if (!(error instanceof Dropped)) fail(error, number);
  }
});

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case "open":
      void open(data);
      break;
    case "translate":
      requests.add(data);
      break;
    case "saved":
      model.keep(data.id, data.codes, data.weights);
      break;
    case "drop":
      requests.drop(data.number);
  }
});

async function open({ means, files }: Open): Promise<void> {
  try {
    const about = JSON.parse(new TextDecoder().decode(files[ABOUT])) as About;
    const sessions = new Sessions(await loadRuntime(means), means, files);
    model = new DeviceModel(sessions, about, files);
    await sessions.session(DRAWING); // what cannot run here says so now
    tell({ kind: "opened" });
  } catch (error) {
    fail(error, null);
  }
}

function fail(error: unknown, number: number | null): void {
  const { message, hint } = asDeviceError(error);
  tell({ kind: "failed", number, message, hint });
}

function tell(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}
