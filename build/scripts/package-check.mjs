/**
 * Looks at what would be shipped, as far as that goes without Electron's runtime: packs with a
 * stand-in runtime, compares the archive with the exact list of files it may hold, and runs the
 * packed code (`package-run.mjs`). Real installers on real systems are made by the workflow in
 * `.github`; this says nothing about those systems.
 */
import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { listPackage } from "@electron/asar";
import { runPackedCode } from "./package-run.mjs";
import { filesBelow, ROOT } from "./project.mjs";
import { runNode } from "./run-tool.mjs";

const WORK = join(ROOT, ".cache/package");
const RESOURCES = join(WORK, "out/linux-unpacked/resources");

/** Everything the archive holds besides the window's assets, whose names carry a hash. */
const EXACT_FILES = new Set([
  ...["package.json", "dist/package.json", "dist/agent.js", "dist/cli.js"],
  ...["dist/store-worker.js", "dist/sql-wasm.wasm", "dist/preload.cjs", "dist/main/main.js"],
  ...["dist/icons/window.png", "dist/renderer/index.html"],
  ...["live", "behind", "alone", "stopped"].flatMap((mood) => [
    `dist/icons/tray-${mood}.png`,
    `dist/icons/tray-${mood}@2x.png`,
  ]),
]);
const ASSET = /^dist\/renderer\/assets\/[\w.-]+-[\w-]{8}\.(js|css|svg|woff2)$/;

/** Read by plain Node at run time, so they must lie beside the archive. */
const UNPACKED_FILES = [
  ...["dist/package.json", "dist/agent.js", "dist/store-worker.js", "dist/sql-wasm.wasm"],
];

/** The archive and what lies beside it. An unfiltered sql.js alone would add 30 MB. */
const SHIPPED_BYTES_MAX = 6 * 1024 * 1024;

/** @returns one line per thing that is wrong; empty when all is well. */
export async function checkPackage() {
  rmSync(WORK, { recursive: true, force: true });
  makeStandInRuntime(join(WORK, "runtime"));
  const code = await pack();
  if (code !== 0) return [`electron-builder ended with code ${code}`];
  const archive = join(RESOURCES, "app.asar");
  const failures = [...checkContents(archive), ...checkUnpacked(), ...checkSize(archive)];
  if (failures.length > 0) return failures;
  return runPackedCode(RESOURCES);
}

/** The files electron-builder expects of a runtime; none of them is ever run. */
function makeStandInRuntime(folder) {
  mkdirSync(join(folder, "locales"), { recursive: true });
  mkdirSync(join(folder, "resources"));
  for (const name of ["electron", "chrome-sandbox"]) {
    writeFileSync(join(folder, name), "#!/bin/sh\necho 'a stand-in, not a runtime' >&2\nexit 1\n");
    chmodSync(join(folder, name), 0o755);
  }
  for (const name of ["LICENSE", "LICENSES.chromium.html", "locales/en-US.pak"]) {
    writeFileSync(join(folder, name), "stand-in\n");
  }
  writeFileSync(join(folder, "version"), "45.4.1");
}

function pack() {
  return runNode(
    [
      join(ROOT, "node_modules/electron-builder/cli.js"),
      ...["--config", "build/electron-builder.config.cjs", "--linux", "dir", "--publish", "never"],
      `--config.electronDist=${join(WORK, "runtime")}`,
      `--config.directories.output=${join(WORK, "out")}`,
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
}

function checkContents(archive) {
  const listed = listPackage(archive, { isPack: false }).map((path) =>
    path.replaceAll("\\", "/").replace(/^\//, ""),
  );
  const folders = new Set(listed.map((path) => posix.dirname(path)));
  const files = listed.filter((path) => !folders.has(path));
  const unknown = files.filter((file) => !EXACT_FILES.has(file) && !ASSET.test(file));
  const missing = [...EXACT_FILES].filter((file) => !files.includes(file));
  console.log(`archive: ${files.length} files`);
  return [
    ...unknown.map((file) => `the archive holds ${file}, which nobody asked for`),
    ...missing.map((file) => `the archive lacks ${file}`),
  ];
}

function checkUnpacked() {
  const wanted = UNPACKED_FILES.map((file) => join(RESOURCES, "app.asar.unpacked", file));
  return wanted
    .filter((path) => statSync(path, { throwIfNoEntry: false }) === undefined)
    .map((path) => `${path} is missing beside the archive`);
}

function checkSize(archive) {
  const unpacked = filesBelow(".cache/package/out/linux-unpacked/resources/app.asar.unpacked");
  const paths = [archive, ...unpacked.map((file) => join(ROOT, file))];
  const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
  console.log(`shipped: ${(bytes / 1024 / 1024).toFixed(2)} MiB`);
  if (bytes <= SHIPPED_BYTES_MAX) return [];
  return [`${bytes} bytes are shipped; the budget is ${SHIPPED_BYTES_MAX}`];
}
