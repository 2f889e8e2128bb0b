import { askJson } from "./client";

export type Scope = "translate" | "data" | "train" | "admin";

/** What the key of this tab may do. */
export const showOwnKey = (signal: AbortSignal) =>
  askJson<{ name: string; scopes: Scope[] }>("/v1/keys/own", { signal });
