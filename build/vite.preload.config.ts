import { nodeBundle } from "./vite.base.ts";

/** A sandboxed preload script must be CommonJS: `dist/preload.cjs`. */
export default nodeBundle({
  entry: "electron/preload/preload.ts",
  outFolder: "dist",
  outFile: "preload.cjs",
  format: "cjs",
  external: ["electron"],
});
