#!/usr/bin/env node
/** `npm run bench`: measures this machine; it uses the built agent and store worker. */
import { buildOrExit } from "./build.mjs";
import { runTool } from "./run-tool.mjs";

await buildOrExit({ isQuiet: true });
await runTool("bench");
