/**
 * Markdown as model cards have it, read into blocks. Whatever is not understood stays text: HTML
 * is never made of it, and links lead to http and https alone.
 */

export type Inline =
  | { kind: "text" | "code"; text: string }
  | { kind: "strong" | "em"; content: Inline[] }
  | { kind: "link"; href: string; content: Inline[] };

export type Block =
  | { kind: "heading"; level: number; content: Inline[] }
  | { kind: "paragraph"; content: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "list"; ordered: boolean; items: Inline[][] }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const FENCE = /^(```|~~~)/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const ITEM = /^ {0,3}(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const ROW = /^ *\|.*\| *$/;
const DIVIDER = /^ *\|( *:?-+:? *\|)+ *$/;

export function parseMarkdown(source: string): Block[] {
  return new Reader(source.split(/\r?\n/)).blocks();
}

class Reader {
  private at = 0;

  constructor(private readonly lines: readonly string[]) {}

  blocks(): Block[] {
    const found: Block[] = [];
    while (this.at < this.lines.length) {
      if (this.line.trim() === "") this.at++;
      else found.push(this.block());
    }
    return found;
  }

  private get line(): string {
    return this.lines[this.at] ?? "";
  }

  private block(): Block {
    const heading = HEADING.exec(this.line);
    if (heading) {
      this.at++;
      return { kind: "heading", level: heading[1]!.length, content: parseInline(heading[2]!) };
    }
    if (FENCE.test(this.line)) return this.fenced();
    if (RULE.test(this.line)) {
      this.at++;
      return { kind: "rule" };
    }
    if (ROW.test(this.line) && DIVIDER.test(this.lines[this.at + 1] ?? "")) return this.table();
    if (ITEM.test(this.line)) return this.list();
    if (QUOTE.test(this.line)) return this.quote();
    if (/^ {4}/.test(this.line)) return this.indented();
    return this.paragraph();
  }

  private fenced(): Block {
    const fence = FENCE.exec(this.line)![1]!;
    const start = ++this.at;
    while (this.at < this.lines.length && !this.line.startsWith(fence)) this.at++;
    return { kind: "code", text: this.lines.slice(start, this.at++).join("\n") };
  }

  private indented(): Block {
    const start = this.at;
    while (/^ {4}|^\s*$/.test(this.line) && this.at < this.lines.length) this.at++;
    const code = this.lines.slice(start, this.at).map((line) => line.slice(4));
    return { kind: "code", text: code.join("\n").trimEnd() };
  }

  private table(): Block {
    const head = cells(this.line);
    this.at += 2;
    const rows: Inline[][][] = [];
    while (ROW.test(this.line)) {
      rows.push(cells(this.line));
      this.at++;
    }
    return { kind: "table", head, rows };
  }

  private list(): Block {
    const ordered = ITEM.exec(this.line)![1] !== undefined;
    const items: string[] = [];
    for (; this.at < this.lines.length; this.at++) {
      const item = ITEM.exec(this.line);
      if (item) items.push(item[2]!);
      else if (/^\s+\S/.test(this.line)) items.push(`${items.pop()!} ${this.line.trim()}`);
      else break;
    }
    return { kind: "list", ordered, items: items.map(parseInline) };
  }

  private quote(): Block {
    const lines: string[] = [];
    for (let found; (found = QUOTE.exec(this.line)); this.at++) lines.push(found[1]!);
    return { kind: "quote", blocks: new Reader(lines).blocks() };
  }

  private paragraph(): Block {
    const lines = [this.line];
    for (this.at++; this.at < this.lines.length && this.continues(); this.at++) {
      lines.push(this.line);
    }
    return { kind: "paragraph", content: parseInline(lines.map((line) => line.trim()).join(" ")) };
  }

  private continues(): boolean {
    const ends = [HEADING, FENCE, RULE, ITEM, QUOTE, ROW];
    return this.line.trim() !== "" && !ends.some((end) => end.test(this.line));
  }
}

function cells(row: string): Inline[][] {
  const inner = row.trim().slice(1, -1);
  return inner.split(/(?<!\\)\|/).map((cell) => parseInline(cell.trim().replaceAll("\\|", "|")));
}

// In their order: escapes, code, strong, emphasis, links, bare addresses.
const SPANS = new RegExp(
  [
    /\\(?<escaped>[\\`*_{}[\]()#+\-.!|<>])/,
    /(?<ticks>`+)(?<code>.+?)\k<ticks>(?!`)/,
    /(?:\*\*(?=\S)(?<strong>.+?)(?<=\S)\*\*)/,
    /(?:\*(?=\S)(?<star>[^*]+?)(?<=\S)\*)/,
    /(?:\b_(?=\S)(?<under>[^_]+?)(?<=\S)_\b)/,
    /\[(?<label>[^\]]*)\]\((?<href>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)/,
    /<(?<auto>https?:\/\/[^\s<>]+)>/,
    /(?<bare>\bhttps?:\/\/[^\s<>()]*[^\s<>().,;:!?"'*_`])/,
  ]
    .map((part) => part.source)
    .join("|"),
  "g",
);

export function parseInline(source: string): Inline[] {
  const found: Inline[] = [];
  const say = (text: string) => {
    const last = found.at(-1);
    if (last?.kind === "text") last.text += text;
    else if (text) found.push({ kind: "text", text });
  };
  let end = 0;
  for (const match of source.matchAll(SPANS)) {
    say(source.slice(end, match.index));
    end = match.index + match[0].length;
    const span = spanOf(match.groups ?? {});
    if (typeof span === "string") say(span);
    else found.push(...span);
  }
  say(source.slice(end));
  return found;
}

function spanOf(groups: Record<string, string | undefined>): string | Inline[] {
  const { escaped, code, strong, label, href } = groups;
  if (escaped !== undefined) return escaped;
  if (code !== undefined) return [{ kind: "code", text: code.trim() }];
  if (strong !== undefined) return [{ kind: "strong", content: parseInline(strong) }];
  const em = groups.star ?? groups.under;
  if (em !== undefined) return [{ kind: "em", content: parseInline(em) }];
  if (label !== undefined) {
    const content = parseInline(label);
    return isSafe(href!) ? [{ kind: "link", href: href!, content }] : content;
  }
  const address = (groups.auto ?? groups.bare)!;
  return [{ kind: "link", href: address, content: [{ kind: "text", text: address }] }];
}

/** Neither scripts nor paths, which would lead into this page. */
function isSafe(href: string): boolean {
  return /^https?:\/\//i.test(href);
}

/** The blocks without the section under the heading of that name. */
export function withoutSection(blocks: readonly Block[], name: string): Block[] {
  let skipped: number | null = null;
  return blocks.filter((block) => {
    if (block.kind === "heading" && (skipped === null || block.level <= skipped)) {
      const only = block.content.length === 1 ? block.content[0]! : null;
      skipped = only?.kind === "text" && only.text === name ? block.level : null;
    }
    return skipped === null;
  });
}
