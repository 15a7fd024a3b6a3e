#!/usr/bin/env node
/** `npm run sim -- --seeds N --seed S [--jobs N]`: the simulator. */
import { runTool } from "./run-tool.mjs";

// Worlds are short-lived: with room for several of them, hardly anything young is ever copied.
await runTool("sim", ["--max-semi-space-size=64"]);
