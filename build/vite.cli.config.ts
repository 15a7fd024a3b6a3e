import { nodeBundle } from "./vite.base.ts";

/** The command line, and with it the headless member: `dist/cli.js`. */
export default nodeBundle({ entry: "electron/cli/main.ts", outFolder: "dist", outFile: "cli.js" });
