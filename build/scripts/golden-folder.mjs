#!/usr/bin/env node
/**
 * `node build/scripts/golden-folder.mjs 2`: adds `test/golden/folder-v2`, a whole data folder as
 * this program leaves it when it is killed. To be run once per release that changed a format, from
 * the released commit, and reviewed; `test/log/folder-golden.test.ts` then opens it for ever.
 *
 * The program is built with small limits, so that a few kilobytes hold two snapshots, several
 * segments and entries behind both. The key in it belongs to nobody.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { ROOT } from "./project.mjs";

/** As in `replica-context.ts`; a changed default there has to be found here again. */
const SMALL_LIMITS = [
  ["snapshotAfterBytes: 32 * 1024 * 1024", "snapshotAfterBytes: 3 * 1024"],
  ["retentionBytes: 64 * 1024 * 1024", "retentionBytes: 2 * 1024"],
  ["segmentBytesMax: 8 * 1024 * 1024", "segmentBytesMax: 1500"],
];

/** Kept: what is read at a start. Not kept: what only a running program needs. */
const KEPT = /^(cluster\.json|peers\.json|identity\/|log\/(?!reserve)|snapshots\/)/;

const version = process.argv[2];
const target = join(ROOT, `test/golden/folder-v${version}`);
if (version === undefined || existsSync(target)) {
  console.error("Say a number that is not taken yet: node build/scripts/golden-folder.mjs 2");
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), "tidemark-golden-"));
const cli = join(work, "dist/cli.js");
const data = join(work, "data");
await buildSmall("cli");
await buildSmall("store-worker");
writeFileSync(join(work, "dist/package.json"), '{"type":"module"}\n');
tidemark("create", "--name", "Golden", "--member-name", "First");
await serveAndInsert(
  1,
  12,
  "CREATE TABLE boats (id INTEGER PRIMARY KEY, name TEXT NOT NULL, draught REAL, logbook BLOB)",
);
await serveAndInsert(13, 29, "UPDATE boats SET draught = NULL WHERE id = 3");
keep();
rmSync(work, { recursive: true });
console.log(`golden-folder: ${target} is written; add what it holds to folder-golden.test.ts.`);

async function buildSmall(name) {
  await build({
    root: ROOT,
    configFile: join(ROOT, `build/vite.${name}.config.ts`),
    logLevel: "warn",
    build: { outDir: join(work, "dist"), emptyOutDir: false },
    plugins: [{ name: "small-limits", enforce: "pre", transform: withSmallLimits }],
  });
}

function withSmallLimits(code, id) {
  if (!id.endsWith("replica/replica-context.ts")) return null;
  for (const [usual, small] of SMALL_LIMITS) {
    if (!code.includes(usual)) throw new Error(`"${usual}" is not in ${id} any more`);
    code = code.replace(usual, small);
  }
  return code;
}

function tidemark(...args) {
  const done = spawnSync(process.execPath, [cli, ...args, "--data", data], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${args[0]}: ${done.stderr}`);
  return done.stdout;
}

/** Serves, writes, and is killed in the middle of its life. */
async function serveAndInsert(first, last, before) {
  const args = ["serve", "--data", data, "--no-mdns", "--listen", "127.0.0.1:0"];
  const server = spawn(process.execPath, [cli, ...args, "--http", "127.0.0.1:0"]);
  await once(server.stdout, "data");
  tidemark("sql", before);
  for (let id = first; id <= last; id++) {
    const blob = `x'00ff${id.toString(16).padStart(2, "0")}'`;
    tidemark(
      "sql",
      `INSERT INTO boats (name, draught, logbook) VALUES ('boat ${id} ä€', ${id}.5, ${blob})`,
    );
  }
  console.log(tidemark("verify"));
  server.kill("SIGKILL");
  await once(server, "exit");
}

function keep() {
  const entries = readdirSync(data, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((each) => each.isFile())) {
    const from = join(entry.parentPath, entry.name);
    const path = relative(data, from);
    if (!KEPT.test(path)) continue;
    const to = join(target, `${path}.gz`);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, gzipSync(readFileSync(from), { level: 9 }));
  }
}
