import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { nodeBundle, ROOT } from "./vite.base.ts";

/** Pictures that the main process hands to the system by path. */
const RUN_TIME_ICONS = ["window", "tray-live", "tray-behind", "tray-alone", "tray-stopped"];

const iconsBesideMain: Plugin = {
  name: "tidemark:icons-beside-main",
  generateBundle() {
    const files = RUN_TIME_ICONS.map((name) => `${name}.png`);
    files.push(...RUN_TIME_ICONS.slice(1).map((name) => `${name}@2x.png`));
    for (const file of files) {
      const source = readFileSync(`${ROOT}build/icons/${file}`);
      this.emitFile({ type: "asset", fileName: `icons/${file}`, source });
    }
  },
};

/** Electron's main process, `dist/main/main.js`, and its pictures in `dist/icons`. */
export default nodeBundle({
  entry: "electron/main/main.ts",
  outFolder: "dist",
  outFile: "main/main.js",
  external: ["electron"],
  plugins: [iconsBesideMain],
});
