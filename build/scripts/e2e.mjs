#!/usr/bin/env node
/** `npm run e2e`: the story in a real browser, on members in processes of their own. */
import { buildOrExit } from "./build.mjs";
import { chromiumPath } from "./runtime.mjs";
import { runNode } from "./run-tool.mjs";

await buildOrExit({ isQuiet: true });
if (chromiumPath() === null) {
  console.error("No Chromium was found; install one or set TIDEMARK_CHROMIUM to its path.");
  process.exit(1);
}
const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "build/vitest.e2e.config.ts"];
process.exit(await runNode([...vitest, ...process.argv.slice(2)]));
