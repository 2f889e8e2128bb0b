import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import "./library.css";

/** A page of the library: its title, where it belongs, what can be done with it. */
export function LibraryPage({
  title,
  up,
  actions,
  children,
}: {
  title: string;
  /** The page above: its address and its name. */
  up?: [href: string, name: string];
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${title} · funit`;
    return () => void (document.title = "funit");
  }, [title]);
  return (
    <div class="library">
      <header class="page-head">
        <div>
          {up && (
            <a class="up" href={up[0]}>
              ‹ {up[1]}
            </a>
          )}
          <h1>{title}</h1>
        </div>
        {actions && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** Names and their values. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="fact-list">{children}</dl>;
}

export function Fact({
  name,
  isLong = false,
  children,
}: {
  name: string;
  /** As hashes are. */
  isLong?: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class={isLong ? "long" : ""}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A table that scrolls by itself where the screen is narrow. */
export function Wide({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="wide" role="region" aria-label={name} tabIndex={0}>
      {children}
    </div>
  );
}

/** Settings and the like, as they are written. */
export function Json({ of }: { of: unknown }) {
  return (
    <pre class="code" tabIndex={0}>
      {JSON.stringify(of, null, 2)}
    </pre>
  );
}
