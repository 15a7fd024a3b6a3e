#!/usr/bin/env node
/**
 * `npm run package`: installers for this system into `release/`. Arguments go to
 * electron-builder. It downloads Electron's runtime and its own tools, so it needs the network.
 *
 * `npm run package -- --check` needs neither: it packs with a stand-in for the runtime and looks
 * closely at what would be shipped.
 */
import { join } from "node:path";
import { buildOrExit } from "./build.mjs";
import { checkPackage } from "./package-check.mjs";
import { ROOT } from "./project.mjs";
import { runNode } from "./run-tool.mjs";

await buildOrExit({ isQuiet: true });

const argv = process.argv.slice(2);
if (argv.includes("--check")) {
  const failures = await checkPackage();
  for (const failure of failures) console.error(`FAILED ${failure}`);
  console.log(failures.length === 0 ? "package: as it should be" : "package: not fit to ship");
  process.exit(failures.length === 0 ? 0 : 1);
}
const builder = join(ROOT, "node_modules/electron-builder/cli.js");
const config = "build/electron-builder.release.config.cjs";
process.exit(await runNode([builder, "--config", config, "--publish", "never", ...argv]));
