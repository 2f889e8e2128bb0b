import { useEffect, useState } from "preact/hooks";
import { DEFAULT_OUTPUT, type Output } from "./output";

const KEY = "funit-output";

/** How results leave the page; remembered. */
export function useOutput(): [Output, (change: Partial<Output>) => void] {
  const [output, setOutput] = useState(remembered);
  useEffect(() => localStorage.setItem(KEY, JSON.stringify(output)), [output]);
  return [output, (change) => setOutput((before) => ({ ...before, ...change }))];
}

function remembered(): Output {
  try {
    return { ...DEFAULT_OUTPUT, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Output>) };
  } catch {
    return DEFAULT_OUTPUT;
  }
}
