import type { ComponentChildren, VNode } from "preact";
import type { Block, Inline } from "./markdown";
import { Wide } from "./page";

/** Blocks of Markdown as elements: no HTML is ever parsed. Headings begin at `level`. */
export function MarkdownView({ blocks, level }: { blocks: readonly Block[]; level: number }) {
  return <div class="markdown">{blocks.map((block) => blockOf(block, level))}</div>;
}

function blockOf(block: Block, level: number): VNode {
  switch (block.kind) {
    case "heading": {
      const Heading = `h${Math.min(6, block.level + level - 1)}` as "h2";
      return <Heading>{inline(block.content)}</Heading>;
    }
    case "paragraph":
      return <p>{inline(block.content)}</p>;
    case "code":
      return (
        <pre class="code" tabIndex={0}>
          {block.text}
        </pre>
      );
    case "list": {
      const List = block.ordered ? "ol" : "ul";
      return (
        <List>
          {block.items.map((item) => (
            <li>{inline(item)}</li>
          ))}
        </List>
      );
    }
    case "quote":
      return <blockquote>{block.blocks.map((inner) => blockOf(inner, level))}</blockquote>;
    case "table":
      return <MarkdownTable head={block.head} rows={block.rows} />;
    case "rule":
      return <hr />;
  }
}

function MarkdownTable({ head, rows }: { head: Inline[][]; rows: Inline[][][] }) {
  const name = head.map(plain).join(", ");
  return (
    <Wide name={name}>
      <table>
        <thead>
          <tr>
            {head.map((cell) => (
              <th scope="col">{inline(cell)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell) => (
                <td>{inline(cell)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function inline(content: readonly Inline[]): ComponentChildren {
  return content.map((each) => {
    switch (each.kind) {
      case "text":
        return each.text;
      case "code":
        return <code>{each.text}</code>;
      case "strong":
        return <strong>{inline(each.content)}</strong>;
      case "em":
        return <em>{inline(each.content)}</em>;
      case "link":
        return (
          <a href={each.href} target="_blank" rel="noopener noreferrer">
            {inline(each.content)}
          </a>
        );
    }
  });
}

function plain(content: readonly Inline[]): string {
  return content.map((each) => ("text" in each ? each.text : plain(each.content))).join("");
}
