import { defineConfig, mergeConfig } from "vite";
import page from "../vite.config.ts";

// The page, and its engines by themselves for the tests in a browser, as /assets/engines.js:
// `npm run build:tests -- --outDir FOLDER`.
export default mergeConfig(
  page,
  defineConfig({
    build: {
      rolldownOptions: {
        input: { index: "index.html", engines: "tests/browser.ts" },
        preserveEntrySignatures: "strict",
        output: { entryFileNames: "assets/[name].js" },
      },
    },
  }),
);
