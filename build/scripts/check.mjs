#!/usr/bin/env node
/**
 * `npm run check`: everything a machine can say about the sources without running them. Two
 * checks run at a time; each prints one line, and its output only when it fails.
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, seconds } from "./project.mjs";

const MODULES = "node_modules";
const TYPE_ERROR = /Type '(string|"not a number")' is not assignable to type 'number'/;
const CANARY_LAYERS = join(ROOT, "build/canary/layers");

/** Slow ones first, so that the short ones fill the second core. */
const CHECKS = [
  program("lint", `${MODULES}/eslint/bin/eslint.js`, [
    ...["--config", "build/eslint.config.mjs", "--max-warnings", "0", "."],
    // From a clean clone there is no cache; between edits, only what changed is linted again.
    ...["--cache", "--cache-location", ".cache/eslint/", "--cache-strategy", "content"],
  ]),
  program("types", `${MODULES}/typescript/bin/tsc`, ["-b"]),
  program("types of components", `${MODULES}/svelte-check/bin/svelte-check`, [
    ...["--tsconfig", "renderer/tsconfig.json", "--threshold", "warning", "--fail-on-warnings"],
    ...["--output", "human"],
  ]),
  program("types of the build", `${MODULES}/typescript/bin/tsc`, ["-p", "build/tsconfig.json"]),
  program("unused files, exports, packages", `${MODULES}/knip/bin/knip.js`, [
    ...["--config", "build/knip.json", "--no-progress", "--no-config-hints"],
  ]),
  program("format", `${MODULES}/prettier/bin/prettier.cjs`, [
    ...["--check", ".", "--cache", "--cache-location", ".cache/prettier", "--log-level", "warn"],
  ]),
  program("layers and cycles", `${MODULES}/dependency-cruiser/bin/dependency-cruise.mjs`, [
    ...["--config", "build/dependency-cruiser.cjs", "shared", "electron", "renderer", "test"],
  ]),
  program("docstrings, names, top level", "build/scripts/check-docs.mjs", []),
  canary({
    name: "compiler reports the planted type error",
    script: `${MODULES}/typescript/bin/tsc`,
    argv: ["-p", "build/canary/tsconfig.json"],
    message: TYPE_ERROR,
  }),
  canary({
    name: "svelte-check reports the planted type error",
    script: `${MODULES}/svelte-check/bin/svelte-check`,
    argv: ["--workspace", "build/canary", "--tsconfig", "tsconfig.json", "--output", "human"],
    message: new RegExp(`WrongType\\.svelte[^]*${TYPE_ERROR.source}`),
  }),
  canary({
    name: "lint reports the planted clock",
    script: `${MODULES}/eslint/bin/eslint.js`,
    argv: ["--config", join(ROOT, "build/eslint.config.mjs"), "."],
    folder: CANARY_LAYERS,
    message: /Use ports\.clock\.wallMs/,
  }),
  canary({
    name: "layers report the planted import",
    script: `${MODULES}/dependency-cruiser/bin/dependency-cruise.mjs`,
    argv: ["--config", join(ROOT, "build/dependency-cruiser.cjs"), "shared", "electron"],
    folder: CANARY_LAYERS,
    message: /error raft-knows-only-base/,
  }),
];

function program(name, script, argv) {
  return { name, script, argv, folder: ROOT, isPassed: ({ code }) => code === 0 };
}

/** Checkers were seen to report nothing at all and succeed; so each must find a known error. */
function canary({ name, script, argv, folder = ROOT, message }) {
  const isPassed = ({ code, output }) => code !== 0 && message.test(output);
  return { name, script, argv, folder, isPassed };
}

/** Runs all checks; prints as it goes. */
export async function runChecks() {
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  const queue = [...CHECKS];
  const results = [];
  const worker = async () => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      results.push(await runCheck(check));
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}

async function runCheck(check) {
  const startedMs = performance.now();
  const outcome = await runScript(check);
  const isPassed = check.isPassed(outcome);
  console.log(
    `${isPassed ? "ok    " : "FAILED"} ${check.name} (${seconds(performance.now() - startedMs)})`,
  );
  if (!isPassed) console.log(indent(outcome.output.trim() || `exit code ${outcome.code}`));
  return { name: check.name, isPassed };
}

function runScript(check) {
  const environment = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" };
  const child = spawn(process.execPath, [join(ROOT, check.script), ...check.argv], {
    cwd: check.folder,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk) => {
    output += chunk;
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ code, output }));
  });
}

function indent(text) {
  return text.replace(/^/gm, "    ");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const startedMs = performance.now();
  const results = await runChecks();
  const failedCount = results.filter((result) => !result.isPassed).length;
  const took = seconds(performance.now() - startedMs);
  console.log(`check: ${results.length - failedCount} passed, ${failedCount} failed in ${took}`);
  process.exit(failedCount > 0 ? 1 : 0);
}
