import type { Look, Pixels } from "./engine";

/** What a look is made of, taken apart: single pictures, and looks that have a name or an id. */
export type Part =
  | { kind: "picture"; pixels: Pixels; share: number }
  | { kind: "gallery"; name: string; share: number }
  | { kind: "saved"; id: string; share: number };

/** The parts of a look with what each counts, in all 1; what counts nothing is left out. */
export function partsOf(look: Look, share = 1): Part[] {
  if (share <= 0) return [];
  switch (look.kind) {
    case "gallery":
      return [{ kind: "gallery", name: look.name, share }];
    case "saved":
      return [{ kind: "saved", id: look.id, share }];
    case "blend":
      return [
        ...partsOf(look.looks[0], share * (1 - look.share)),
        ...partsOf(look.looks[1], share * look.share),
      ];
    case "examples": {
      const counted = look.examples.filter((example) => example.weight > 0);
      const total = counted.reduce((sum, example) => sum + example.weight, 0);
      return counted.map(({ pixels, weight }) => ({
        kind: "picture",
        pixels,
        share: (share * weight) / total,
      }));
    }
  }
}
