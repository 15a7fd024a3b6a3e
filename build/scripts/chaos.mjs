#!/usr/bin/env node
/**
 * `npm run chaos -- --schedules N --seed S`: real members under harm. The members run a copy of the
 * build, so that building anew does not disturb a long run; TIDEMARK_CLI names another one.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOrExit } from "./build.mjs";
import { ROOT } from "./project.mjs";
import { runTool } from "./run-tool.mjs";

if (process.env["TIDEMARK_CLI"] === undefined) {
  await buildOrExit({ isQuiet: true, names: ["cli", "store-worker"] });
  const copy = mkdtempSync(join(tmpdir(), "tidemark-build-"));
  cpSync(join(ROOT, "dist"), copy, { recursive: true });
  process.env["TIDEMARK_CLI"] = join(copy, "cli.js");
  process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
}
await runTool("chaos");
