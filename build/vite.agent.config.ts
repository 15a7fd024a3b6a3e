import { nodeBundle } from "./vite.base.ts";

/** The agent as Electron's utility process starts it: `dist/agent.js`. */
export default nodeBundle({
  entry: "electron/agent/agent-process.ts",
  outFolder: "dist",
  outFile: "agent.js",
});
