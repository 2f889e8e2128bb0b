import { describe, expect, it } from "vitest";
import { parseInline, parseMarkdown, withoutSection } from "../src/library/markdown";

const kinds = (source: string) => parseMarkdown(source).map((block) => block.kind);

describe("markdown", () => {
  it("reads what model cards are made of", () => {
    const card = [
      "# default, version 1",
      "",
      "Redraws images of **64 x 64** pixels:",
      "keeps the pose.",
      "",
      "- trained on 1960 classes",
      "- data: `{}`, which goes",
      "  on here",
      "",
      "| model | value |",
      "|---|---:|",
      "| default | 0.05 |",
      "",
      "> said by others",
      "",
      "```sh",
      "# no heading",
      "```",
      "",
      "    indented",
      "---",
    ].join("\n");

    expect(kinds(card)).toEqual(
      ["heading", "paragraph", "list", "table", "quote", "code", "code", "rule"],
    );
    const [heading, paragraph, list, table] = parseMarkdown(card);
    expect(heading).toMatchObject({ level: 1, content: [{ text: "default, version 1" }] });
    expect(paragraph).toMatchObject({
      content: [
        { text: "Redraws images of " },
        { kind: "strong", content: [{ text: "64 x 64" }] },
        { text: " pixels: keeps the pose." },
      ],
    });
    expect(list).toMatchObject({
      ordered: false,
      items: [[{}], [{ text: "data: " }, { kind: "code", text: "{}" }, { text: ", which goes on here" }]],
    });
    expect(table).toMatchObject({ head: [[{ text: "model" }], [{}]], rows: [[[{}], [{}]]] });
  });

  it("makes no element of HTML", () => {
    const [block] = parseMarkdown('<img src=x onerror="alert(1)"> <script>alert(1)</script>');

    expect(block).toEqual({
      kind: "paragraph",
      content: [
        { kind: "text", text: '<img src=x onerror="alert(1)"> <script>alert(1)</script>' },
      ],
    });
  });

  it.each(["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "//evil", "x.html"])(
    "does not lead to %s",
    (href) => {
      expect(parseInline(`[here](${href})`)).toEqual([{ kind: "text", text: "here" }]);
    },
  );

  it("links to addresses, with or without a label", () => {
    expect(parseInline("[a *b*](https://x.org/c_(d)) and https://y.org/z.")).toEqual([
      {
        kind: "link",
        href: "https://x.org/c_(d)",
        content: [
          { kind: "text", text: "a " },
          { kind: "em", content: [{ kind: "text", text: "b" }] },
        ],
      },
      { kind: "text", text: " and " },
      { kind: "link", href: "https://y.org/z", content: [{ kind: "text", text: "https://y.org/z" }] },
      { kind: "text", text: "." },
    ]);
  });

  it("leaves names and products as they are", () => {
    expect(parseInline("l1_foreground and 2 * 3 * 4")).toEqual([
      { kind: "text", text: "l1_foreground and 2 * 3 * 4" },
    ]);
    expect(parseInline("`a_b` \\*c\\*")).toEqual([
      { kind: "code", text: "a_b" },
      { kind: "text", text: " *c*" },
    ]);
  });

  it("leaves a section out up to the next heading of its level", () => {
    const blocks = parseMarkdown("# A\n\n## Scores\n\nx\n\n### Of it\n\ny\n\n## Licence\n\nz");

    const left = withoutSection(blocks, "Scores");

    expect(left).toHaveLength(3);
    expect(left[1]).toMatchObject({ kind: "heading", content: [{ text: "Licence" }] });
  });

  it("reads long nonsense in no time", () => {
    const start = performance.now();
    parseMarkdown("*a **b `c [d](".repeat(2000));
    parseMarkdown("|".repeat(5000) + "\n" + "|-".repeat(5000));
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
