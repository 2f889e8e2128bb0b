import { useLayoutEffect, useState } from "preact/hooks";
import { text } from "./text";

type Theme = "system" | "light" | "dark";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const KEY = "funit-theme";

/** Light, dark, or what the system has; remembered. */
export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(remembered);
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
  }, [theme]);
  return (
    <button class="quiet" onClick={() => setTheme(NEXT[theme])}>
      {text.theme[theme]}
    </button>
  );
}

function remembered(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}
