import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { DEFINE, ROOT } from "./vite.base.ts";

/**
 * The window's app, the same files for Electron (`app://`) and the browser. Nothing is inlined
 * into the page: its policy allows neither inline scripts nor inline styles nor data URLs
 * other than images.
 */
export default defineConfig({
  root: `${ROOT}renderer`,
  base: "./",
  publicDir: false,
  cacheDir: `${ROOT}.cache/vite-renderer`,
  logLevel: "warn",
  plugins: [svelte({ configFile: false })],
  define: DEFINE,
  build: {
    outDir: `${ROOT}dist/renderer`,
    emptyOutDir: true,
    target: "es2023",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    sourcemap: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
