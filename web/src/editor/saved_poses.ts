/** The poses that the service keeps for the person. */
import { ask, askJson } from "../api/client";
import { pngOf } from "../ui/canvas";
import { MissingPictures } from "./inputs";
import { addPicture, croppedPixels } from "./pictures";
import type { PictureInput } from "./session";

export interface SavedPose {
  id: string;
  name: string | null;
}

const MOST = 200; // that are listed
const one = (id: string) => `/v1/poses/${encodeURIComponent(id)}`;

/** The newest first. */
export const listSavedPoses = () => askJson<SavedPose[]>(`/v1/poses?limit=${MOST}`);

export async function deleteSavedPose(id: string): Promise<void> {
  await ask(one(id), { method: "DELETE" });
}

export const savedPosePath = (id: string) => `${one(id)}/image`;

/** One of them as a picture of this browser: it is translated like any other. */
export async function openSavedPose({ id, name }: SavedPose): Promise<PictureInput> {
  const file = await (await ask(savedPosePath(id))).blob();
  return addPicture(new File([file], name ?? `${id}.png`, { type: file.type }));
}

/** Lets the service keep a picture, as it is cropped, under a name. */
export async function savePose(picture: PictureInput, name: string): Promise<void> {
  const pixels = await croppedPixels(picture);
  if (!pixels) throw new MissingPictures([picture]);
  const form = new FormData();
  form.append("name", name);
  form.append("content", await pngOf(pixels), "pose.png");
  await ask("/v1/poses", { method: "POST", body: form });
}
