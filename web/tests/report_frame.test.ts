import { describe, expect, it } from "vitest";
import { inTheme, parted } from "../src/library/report_frame";

const STYLE = ":root { color-scheme: light dark; } @media (prefers-color-scheme: dark) { a { b: c; } }";

describe("the page of a report", () => {
  it("is parted into what it says and how that looks", () => {
    const html = "<!DOCTYPE html><head><style>a { b: c; }</style></head><body>d</body>";

    expect(parted(html)).toEqual({
      content: "<!DOCTYPE html><head></head><body>d</body>",
      style: "a { b: c; }",
    });
  });

  it("follows the theme that was chosen, else the system", () => {
    expect(inTheme(STYLE, undefined)).toBe(STYLE);
    expect(inTheme(STYLE, "dark")).toBe(":root { color-scheme: dark; } @media all { a { b: c; } }");
    expect(inTheme(STYLE, "light")).toContain("@media not all");
  });
});
