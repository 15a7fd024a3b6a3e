import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { ROOT } from "./project.mjs";

/**
 * Bundles `test/<name>/main.ts` and runs it with this process's arguments; ends with its exit
 * code.
 *
 * @param nodeFlags For Node itself.
 */
export async function runTool(name, nodeFlags = []) {
  if (!existsSync(join(ROOT, `test/${name}/main.ts`))) {
    console.error(`test/${name}/main.ts is missing; there is nothing to run.`);
    process.exit(1);
  }
  await build({ configFile: join(ROOT, "build/vite.tool.config.ts"), mode: name });
  const script = join(ROOT, `.cache/tools/${name}.js`);
  process.exit(
    await runNode(["--enable-source-maps", ...nodeFlags, script, ...process.argv.slice(2)]),
  );
}

/**
 * Runs Node on our terminal and waits for its end. Ctrl+C reaches the child by itself (it is in
 * the same process group); a SIGTERM is passed on.
 *
 * @returns the exit code, 1 when it was ended by a signal.
 */
export function runNode(argv, options = {}) {
  return runProgram(process.execPath, argv, options);
}

/** The same for any program. */
export function runProgram(program, argv, options = {}) {
  const child = spawn(program, argv, { cwd: ROOT, stdio: "inherit", ...options });
  const ignoreInterrupt = () => undefined;
  const passOn = () => child.kill("SIGTERM");
  process.on("SIGINT", ignoreInterrupt);
  process.on("SIGTERM", passOn);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      resolve(1);
    });
    child.on("exit", (code) => {
      process.off("SIGINT", ignoreInterrupt);
      process.off("SIGTERM", passOn);
      resolve(code ?? 1);
    });
  });
}
