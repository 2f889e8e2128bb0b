import { describe, expect, it } from "vitest";
import { joined } from "../src/library/live_job";

describe("the log of a job", () => {
  it("has the lines that were told behind those that were printed", () => {
    expect(joined(["a", "b"], ["c"])).toEqual(["a", "b", "c"]);
    expect(joined([], ["a"])).toEqual(["a"]);
    expect(joined(["a"], [])).toEqual(["a"]);
  });

  it("shows a line once that was printed and then told", () => {
    expect(joined(["a", "b", "c"], ["b", "c", "d"])).toEqual(["a", "b", "c", "d"]);
    expect(joined(["a", "a"], ["a"])).toEqual(["a", "a"]);
  });

  it("keeps empty lines, which are not told", () => {
    expect(joined(["a", "", "b"], ["a", "b", "c"])).toEqual(["a", "", "b", "c"]);
  });

  it("knows a long line by its start", () => {
    expect(joined(["much longer"], ["much", "b"])).toEqual(["much longer", "b"]);
  });
});
