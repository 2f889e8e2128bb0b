import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defaultClientConditions, defineConfig, type Plugin } from "vite";

/** Leaves FILE.gz beside each large file: the service sends it to browsers that unpack it. */
function packed(): Plugin {
  let out = "";
  return {
    name: "packed",
    apply: "build",
    configResolved: (config) => void (out = config.build.outDir),
    closeBundle() {
      for (const file of readdirSync(out, { recursive: true, encoding: "utf8" })) {
        if (!/\.(css|html|js|mjs|svg|wasm)$/.test(file)) continue;
        const content = readFileSync(join(out, file));
        if (content.length > 1024) writeFileSync(join(out, `${file}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

/** Tells the page how many bytes the runtime of models has, as they are sent. */
function measured(): Plugin {
  const size = () => {
    const path = createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm");
    return gzipSync(readFileSync(path), { level: 9 }).length;
  };
  return {
    name: "measured",
    config: (_, { command }) => ({ define: { RUNTIME_BYTES: command === "build" ? size() : 0 } }),
  };
}

// The page lies inside the Python package, which serves it: `funit serve` at `/`.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [packed(), measured()],
  base: "./",
  // onnxruntime's files for wasm lie beside the page's own: none is inside another
  resolve: { conditions: [...defaultClientConditions, "onnxruntime-web-use-extern-wasm"] },
  build: {
    outDir: "../src/funit/service/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false }, // every browser that has wasm threads has it
  },
  worker: { format: "es" },
  // `npm run dev` beside a `funit serve`: the headers are those that the service sends
  server: {
    proxy: { "/v1": "http://127.0.0.1:8000", "/openapi.json": "http://127.0.0.1:8000" },
    headers: {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    },
  },
});
