#!/usr/bin/env node
/** `npm run sim -- --seeds N --seed S`: the simulator. */
import { runTool } from "./run-tool.mjs";

await runTool("sim");
