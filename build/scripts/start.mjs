#!/usr/bin/env node
/**
 * `npm start`: the desktop app, or the same app in the browser where Electron's runtime is
 * missing or there is no screen. Arguments go to whichever is started.
 */
import { join } from "node:path";
import { buildOrExit } from "./build.mjs";
import { ROOT } from "./project.mjs";
import { electronRuntime, hasDisplay } from "./runtime.mjs";
import { runNode, runProgram } from "./run-tool.mjs";

await buildOrExit({ isQuiet: true });

const argv = process.argv.slice(2);
const runtime = electronRuntime();
if (runtime !== null && hasDisplay()) {
  process.exit(await runProgram(runtime, [ROOT, ...argv]));
}
console.log(
  runtime === null
    ? "Electron's runtime is not installed (npx install-electron gets it): opening the same app in the browser."
    : "There is no display here: starting without a window; open the address below in a browser.",
);
process.exit(await runNode([join(ROOT, "dist/cli.js"), "serve", "--open", ...argv]));
