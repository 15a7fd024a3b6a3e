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
import { checkPackage } from "./package-check.mjs";
import { ROOT, seconds } from "./project.mjs";
import { chromiumPath } from "./runtime.mjs";
import { runNode } from "./run-tool.mjs";

const RESULTS = ".cache/test-results";
const NODE_MIN = [20, 19];

const counts = { passed: 0, failed: 0, skipped: 0 };
const startedMs = performance.now();

/** In this order; `npm test -- desktop check` runs only the named ones. */
const PARTS = {
  "set-up": () => count(checkSetUp()),
  build: async () =>
    count((await buildAll()).map((failure) => ({ name: failure, isPassed: false }))),
  check: async () => count(await runChecks()),
  unit: () => runSuite("unit", "build/vitest.config.ts"),
  desktop: () => runSuite("desktop", "build/vitest.desktop.config.ts"),
  cluster: () => runSuite("cluster", "build/vitest.cluster.config.ts"),
  chaos: () => runSuite("chaos", "build/vitest.chaos.config.ts"),
  e2e: runBrowserSuite,
  package: runPackageCheck,
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}`);
  process.exit(2);
}
for (const [name, run] of Object.entries(PARTS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(`\n== ${name}`);
  await run();
}
finish();

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

async function runBrowserSuite() {
  if (chromiumPath() !== null) return runSuite("e2e", "build/vitest.e2e.config.ts");
  console.log("skipped: no Chromium was found (install one, or set TIDEMARK_CHROMIUM)");
  counts.skipped += 1;
}

async function runPackageCheck() {
  if (process.platform !== "linux") {
    console.log("skipped: the stand-in for Electron's runtime is one for Linux");
    counts.skipped += 1;
    return;
  }
  const failures = await checkPackage();
  for (const failure of failures) console.log(`FAILED ${failure}`);
  counts[failures.length === 0 ? "passed" : "failed"] += Math.max(1, failures.length);
}

function count(results) {
  for (const result of results) counts[result.isPassed ? "passed" : "failed"] += 1;
}

/** One vitest run with its own configuration, counted from its machine-readable report. */
async function runSuite(name, config) {
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
