import { useEffect, useState } from "preact/hooks";
import { askJson } from "../api/client";

interface Version {
  name: string;
  version: number;
}

/** NAME@VERSION of the newest version of each model that the service has; [] until it is known. */
export function useModels(attempt: number): string[] {
  const [models, setModels] = useState<string[]>([]);
  useEffect(() => {
    const newest = new Map<string, number>();
    askJson<{ models: Version[] }>("/v1/models").then(
      ({ models: found }) => {
        for (const { name, version } of found) {
          newest.set(name, Math.max(version, newest.get(name) ?? 0));
        }
        setModels([...newest].map(([name, version]) => `${name}@${version}`));
      },
      () => {}, // what the engine says of it is enough
    );
  }, [attempt]);
  return models;
}
