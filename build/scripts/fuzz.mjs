#!/usr/bin/env node
/** `npm run fuzz -- --frames N --sockets N`: hostile frames and connections. */
import { runTool } from "./run-tool.mjs";

await runTool("fuzz");
