import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api/client";
import { Loading, useLoaded } from "./loading";

/** A page that `funit evaluate --html` made, in a frame of its own: with its style, without scripts. */
export function ReportFrame({ path, title }: { path: string; title: string }) {
  const report = useLoaded(async (signal) => parted(await (await ask(path, { signal })).text()), [path]);
  return <Loading of={report}>{(found) => <Frame {...found} title={title} />}</Loading>;
}

function Frame({ content, style, title }: { content: string; style: string; title: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [address, setAddress] = useState<string>();
  const [height, setHeight] = useState(0);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([content], { type: "text/html" }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [content]);
  const observer = useRef<ResizeObserver>(undefined);
  useEffect(() => () => observer.current?.disconnect(), []);

  const styled = () => {
    const inside = frame.current?.contentDocument;
    const sheets = inside?.defaultView;
    if (!inside || !sheets || !address) return;
    const sheet = new sheets.CSSStyleSheet();
    sheet.replaceSync(inTheme(style, document.documentElement.dataset.theme));
    inside.adoptedStyleSheets = [sheet];
    observer.current?.disconnect();
    observer.current = new ResizeObserver(() => setHeight(inside.documentElement.scrollHeight));
    observer.current.observe(inside.body);
  };
  return (
    <iframe
      ref={frame}
      class="report"
      title={title}
      sandbox="allow-same-origin"
      src={address}
      style={{ height: `${height}px` }}
      onLoad={styled}
    />
  );
}

/** The style in the theme that was chosen here, if one was; by itself it follows the system. */
export function inTheme(style: string, theme: string | undefined): string {
  if (theme !== "light" && theme !== "dark") return style;
  return style
    .replaceAll("(prefers-color-scheme: dark)", theme === "dark" ? "all" : "not all")
    .replaceAll("color-scheme: light dark", `color-scheme: ${theme}`);
}

/** The page without its style, and the style: this page's policy lets no style stand in a document. */
export function parted(html: string): { content: string; style: string } {
  const [before = "", style = "", after = ""] = html.split(/<\/?style>/, 3);
  return { content: before + after, style };
}
