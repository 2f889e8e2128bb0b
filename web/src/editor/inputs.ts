/** A session as an engine takes it. */
import type { Look, Pixels, Pose } from "../engines/engine";
import { croppedPixels } from "./pictures";
import { picturesOf, type LookInput, type PictureInput, type Session } from "./session";

/** Pictures of the session are not in this browser: the person has to add them. */
export class MissingPictures extends Error {
  constructor(readonly pictures: PictureInput[]) {
    super(pictures.map(({ name }) => name).join(", "));
  }
}

/** The look of a session, its pictures read and cropped; raises MissingPictures. */
export async function lookOf({ looks, share }: Session): Promise<Look> {
  await check(looks.flatMap((look) => (look.kind === "examples" ? look.examples : [])));
  const [first, second] = await Promise.all(looks.map(oneLook));
  return second ? { kind: "blend", looks: [first!, second], share } : first!;
}

/** The pose of a session; raises MissingPictures. */
export async function poseOf({ pose }: Session): Promise<Pose> {
  if (pose?.kind === "gallery") return { kind: "gallery", name: pose.name };
  if (!pose) throw new Error("no pose");
  await check([pose]);
  return { kind: "picture", pixels: await pixels(pose) };
}

/** The pictures of a session that are not in this browser. */
export async function missingPictures(session: Session): Promise<PictureInput[]> {
  const found = await Promise.all(
    picturesOf(session).map(async (each) => ((await croppedPixels(each)) ? [] : [each])),
  );
  return found.flat();
}

async function oneLook(look: LookInput): Promise<Look> {
  if (look.kind === "gallery") return { kind: "gallery", name: look.name };
  if (look.kind === "saved") return { kind: "saved", id: look.id };
  const examples = await Promise.all(
    look.examples.map(async (each) => ({ pixels: await pixels(each), weight: each.weight })),
  );
  return { kind: "examples", examples };
}

async function pixels(picture: PictureInput): Promise<Pixels> {
  return (await croppedPixels(picture))!;
}

async function check(pictures: PictureInput[]): Promise<void> {
  const missing = [];
  for (const each of pictures) if (!(await croppedPixels(each))) missing.push(each);
  if (missing.length) throw new MissingPictures(missing);
}
