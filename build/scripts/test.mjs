#!/usr/bin/env node
/**
 * `npm test`: everything that says whether the project works, from a fresh install on. Each
 * part runs whatever happened to the ones before; the last line is the sum. A part that could
 * not run counts as failed, so that nothing passes by not being there.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildAll } from "./build.mjs";
import { runChecks } from "./check.mjs";
import { ROOT, seconds } from "./project.mjs";
import { chromiumPath } from "./runtime.mjs";
import { runNode } from "./run-tool.mjs";

const RESULTS = ".cache/test-results";
const NODE_MIN = [20, 19];

const counts = { passed: 0, failed: 0, skipped: 0 };
const startedMs = performance.now();

heading("set-up");
count(checkSetUp());
heading("build");
count((await buildAll()).map((failure) => ({ name: failure, isPassed: false })));
heading("check");
count(await runChecks());
await runSuite("unit", "build/vitest.config.ts");
await runSuite("desktop", "build/vitest.desktop.config.ts");
await runSuite("cluster", "build/vitest.cluster.config.ts");
if (chromiumPath() === null) {
  heading("e2e");
  console.log("skipped: no Chromium was found (install one, or set TIDEMARK_CHROMIUM)");
  counts.skipped += 1;
} else {
  await runSuite("e2e", "build/vitest.e2e.config.ts");
}
finish();

function heading(name) {
  console.log(`\n== ${name}`);
}

/** What must be true before anything else can be. */
function checkSetUp() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isNodeNew = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  const facts = [
    { name: `Node ${process.versions.node} is 20.19 or newer`, isPassed: isNodeNew },
    { name: "npm packages are those of the lockfile (npm ci)", isPassed: isInstalled() },
  ];
  for (const fact of facts) console.log(`${fact.isPassed ? "ok    " : "FAILED"} ${fact.name}`);
  return facts;
}

function isInstalled() {
  const installed = join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return false;
  const { packages: present } = JSON.parse(readFileSync(installed, "utf8"));
  const { packages: wanted } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === "" || entry.optional === true || present[path]?.version === entry.version,
  );
}

function count(results) {
  for (const result of results) counts[result.isPassed ? "passed" : "failed"] += 1;
}

/** One vitest run with its own configuration, counted from its machine-readable report. */
async function runSuite(name, config) {
  heading(name);
  const report = join(ROOT, RESULTS, `${name}.json`);
  mkdirSync(join(ROOT, RESULTS), { recursive: true });
  rmSync(report, { force: true });
  const code = await runNode([
    ...["node_modules/vitest/vitest.mjs", "run", "--config", config, "--reporter=default"],
    ...["--reporter=json", `--outputFile.json=${report}`],
  ]);
  const before = counts.failed;
  if (existsSync(report)) addReport(JSON.parse(readFileSync(report, "utf8")));
  if (code !== 0 && counts.failed === before) {
    console.log(`FAILED ${name}: the run ended with code ${code}`);
    counts.failed += 1;
  }
}

function addReport(report) {
  counts.passed += report.numPassedTests;
  counts.failed += report.numFailedTests;
  counts.skipped += report.numPendingTests + report.numTodoTests;
  // A file that could not be loaded has no failed tests of its own.
  const broken = report.testResults.filter(
    (file) =>
      file.status === "failed" && file.assertionResults.every((each) => each.status !== "failed"),
  );
  for (const file of broken) console.log(`FAILED ${file.name}: ${file.message}`);
  counts.failed += broken.length;
}

function finish() {
  const { passed, failed, skipped } = counts;
  console.log(`\ntook ${seconds(performance.now() - startedMs)}`);
  const skippedWords = skipped > 0 ? `, ${skipped} skipped` : "";
  console.log(`${passed} passed, ${failed} failed${skippedWords}`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}
