#!/usr/bin/env node
/**
 * `npm run build`: everything into `dist`. A part whose sources are unchanged since its last
 * build is left alone, so the second call costs a fraction of a second. A part that cannot be
 * built fails the whole, after the others were tried.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { build } from "vite";
import { hashOf, ROOT, seconds } from "./project.mjs";

const STAMPS = join(ROOT, ".cache/build");
const EVERY_BUNDLE = ["package.json", "package-lock.json", "build/vite.base.ts"];

/** What is built: sources that matter, and files that must be there afterwards. */
export const TARGETS = [
  target({
    name: "cli",
    entry: "electron/cli/main.ts",
    sources: ["shared", "electron/agent", "electron/cli", "electron/store-worker"],
    outputs: ["dist/cli.js"],
  }),
  target({
    name: "agent",
    entry: "electron/agent/agent-process.ts",
    sources: ["shared", "electron/agent", "electron/store-worker"],
    outputs: ["dist/agent.js"],
  }),
  target({
    name: "store-worker",
    entry: "electron/store-worker/worker.ts",
    sources: ["shared", "electron/store-worker"],
    outputs: ["dist/store-worker.js", "dist/sql-wasm.wasm"],
  }),
  target({
    name: "main",
    entry: "electron/main/main.ts",
    sources: ["shared", "electron/main", "build/icons"],
    outputs: ["dist/main/main.js", "dist/icons/window.png"],
  }),
  target({
    name: "preload",
    entry: "electron/preload/preload.ts",
    sources: ["electron/preload"],
    outputs: ["dist/preload.cjs"],
  }),
  target({
    name: "renderer",
    entry: "renderer/main.ts",
    sources: ["shared", "renderer"],
    outputs: ["dist/renderer/index.html"],
  }),
];

function target({ name, entry, sources, outputs }) {
  const config = `build/vite.${name}.config.ts`;
  return { name, entry, config, outputs, inputs: [...EVERY_BUNDLE, config, ...sources] };
}

/**
 * Builds what changed.
 *
 * @returns One line per part that could not be built; empty when `dist` is complete.
 */
export async function buildAll({ names = TARGETS.map((each) => each.name), isQuiet = false } = {}) {
  const startedMs = performance.now();
  const chosen = TARGETS.filter((each) => names.includes(each.name));
  writeModuleMarker();
  const outcomes = await Promise.all(chosen.map(buildTarget));
  const failures = outcomes.flatMap((outcome) => (outcome.error === null ? [] : [outcome.error]));
  const builtCount = outcomes.filter((outcome) => outcome.isBuilt).length;
  if (!isQuiet || builtCount > 0) {
    const took = seconds(performance.now() - startedMs);
    console.log(`build: ${builtCount} of ${chosen.length} parts built anew in ${took}`);
  }
  return failures;
}

/** Makes `dist` understood as ES modules wherever it is copied to. */
function writeModuleMarker() {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  const marker = { name: "tidemark", version, private: true, type: "module" };
  writeFileSync(join(ROOT, "dist/package.json"), `${JSON.stringify(marker)}\n`);
}

async function buildTarget(each) {
  if (!existsSync(join(ROOT, each.entry))) {
    return { isBuilt: false, error: `${each.name}: its entry ${each.entry} is missing` };
  }
  const stamp = join(STAMPS, each.name);
  const hash = hashOf(each.inputs);
  const isComplete = each.outputs.every((output) => existsSync(join(ROOT, output)));
  if (isComplete && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) {
    return { isBuilt: false, error: null };
  }
  rmSync(stamp, { force: true });
  try {
    await build({ configFile: join(ROOT, each.config) });
  } catch (error) {
    const reason = stripVTControlCharacters(error instanceof Error ? error.message : String(error));
    return { isBuilt: false, error: `${each.name} (${each.config}): ${reason}` };
  }
  const missing = each.outputs.filter((output) => !existsSync(join(ROOT, output)));
  if (missing.length > 0) {
    return { isBuilt: false, error: `${each.name}: ${missing.join(", ")} was not written` };
  }
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(stamp, hash);
  return { isBuilt: true, error: null };
}

/** Builds and ends the process with code 1 when a part fails. */
export async function buildOrExit(options) {
  const failures = await buildAll(options);
  for (const failure of failures) console.error(`build failed: ${failure}`);
  if (failures.length > 0) process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const names = process.argv.slice(2);
  await buildOrExit(names.length > 0 ? { names } : {});
}
