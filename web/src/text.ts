/** Every word that the page shows, to be translated in one place. */
export const text = {
  nav: {
    label: "Pages",
    skip: "Skip to the content",
    editor: "Editor",
    models: "Models",
    datasets: "Data sets",
    jobs: "Trainings",
  },
  theme: { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" },
  loading: "Loading…",
  again: "Try again",
  noSuchPage: "There is no such page.",
  engines: {
    service: "service",
    notInGallery: (name: string) => `The model's gallery has no \`${name}\`.`,
    notInGalleryHint: "Choose one that is shown.",
  },
  device: {
    threads: (count: number) => `wasm, ${count} ${count === 1 ? "thread" : "threads"}`,
    noWasm: "This browser cannot run models.",
    noWasmHint: "A newer one can; until then the service translates.",
    noGraphs: (model: string) => `The model ${model} has no graphs that run on this device.`,
    noGraphsHint: "Publish it again with `funit[onnx]` installed; until then the service translates.",
    noMemory: "This device has too little memory for the model.",
    noMemoryHint: "Close other tabs, or let the service translate.",
    damaged: (file: string) => `The file ${file} did not arrive whole.`,
    damagedHint: "Load the page again.",
    failed: "The model does not run on this device.",
    noWorkerHint: "Its part of the page could not be loaded. Load the page again.",
    closed: "The model was closed.",
  },
  errors: {
    away: "The service does not answer.",
    awayHint: "Is `funit serve` running, and are you online?",
    unexpected: "Something went wrong.",
  },
} as const;
