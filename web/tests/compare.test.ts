import { describe, expect, it } from "vitest";
import { byCurve, differences } from "../src/library/compare";
import { withPoint } from "../src/library/live_job";

describe("curves of several runs", () => {
  it("stand together by their names, the generator's first", () => {
    const charts = byCurve([
      { name: "one", curves: { "d/adversarial": [[1, 2]], "g/l1": [[1, 3]] } },
      { name: "two", curves: { images_per_second: [[1, 9]], "g/l1": [[1, 4]] } },
    ]);

    expect(charts.map(({ curve }) => curve)).toEqual(
      ["g/l1", "d/adversarial", "images_per_second"],
    );
    expect(charts[0]!.lines).toEqual([
      { name: "one", points: [[1, 3]] },
      { name: "two", points: [[1, 4]] },
    ]);
    expect(charts[1]!.lines[1]).toEqual({ name: "two", points: [] });
  });

  it("grow while a training runs, by each image once", () => {
    const progress = { candidate: 0, round: 0, images: 16, losses: { "g/l1": 0.5 } };

    const begun = withPoint([], progress);
    expect(begun).toEqual([{ candidate: 0, curves: { "g/l1": [[16, 0.5]] } }]);
    expect(withPoint(begun, progress)).toEqual(begun);
    const more = withPoint(begun, { ...progress, images: 24, losses: { "g/l1": 0.4 } });
    expect(more[0]!.curves["g/l1"]).toEqual([[16, 0.5], [24, 0.4]]);
    const next = withPoint(more, { ...progress, candidate: 1 });
    expect(next.map(({ candidate }) => candidate)).toEqual([0, 1]);
  });
});

describe("differences of requests", () => {
  it("are told by the path of the setting", () => {
    const found = differences([
      { name: "zoo", max_images: 48, settings: { training: { batch_size: 4, seed: 1 } } },
      { name: "zoo", max_images: null, settings: { training: { batch_size: 8, seed: 1 } } },
    ]);

    expect(found).toEqual([
      { setting: "max_images", values: ["48", null] },
      { setting: "settings.training.batch_size", values: ["4", "8"] },
    ]);
  });

  it("leave out what was left to the service", () => {
    const otherwise = [{ preset: null, from_model: "default@1" }];

    expect(differences([{ otherwise }, {}])).toEqual([
      { setting: "otherwise", values: ['[{"from_model":"default@1"}]', null] },
    ]);
  });

  it("are none where all is the same", () => {
    expect(
      differences([{ shots: [1, 5] }, { shots: [1, 5], alias: null, otherwise: [] }]),
    ).toEqual([]);
  });
});
