/** Builds the pages into maps/static, with a .gz beside every text file so that the server needs no compressor. */

import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const COMPRESSIBLE = /\.(js|css|svg|html)$/;

function gzipped(): Plugin {
  return {
    name: "gzipped",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const [name, item] of Object.entries(bundle)) {
          if (!COMPRESSIBLE.test(name)) continue;
          const text = item.type === "chunk" ? item.code : item.source;
          this.emitFile({ type: "asset", fileName: `${name}.gz`, source: gzipSync(text, { level: 9 }) });
        }
      },
    },
  };
}

export default defineConfig({
  plugins: [gzipped()],
  build: {
    outDir: "../static",
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1300,
    reportCompressedSize: false,
  },
  server: { proxy: Object.fromEntries(["/me", "/factor", "/password", "/sessions", "/accounts", "/authorisations", "/oidc", "/login", "/logout", "/units", "/stream", "/calls", "/assignments", "/alerts", "/areas", "/parks", "/basemap", "/roads", "/desk", "/dispatch", "/places", "/my", "/messages", "/devices", "/coverage", "/beats", "/checkpoints", "/patrols"].map((path) => [path, "http://127.0.0.1:8600"])) },
});
