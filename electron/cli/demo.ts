import type { DemoOptions } from "./starters.ts";

/** Runs the demonstration; resolves with the exit code. */
export function runDemo(options: DemoOptions): Promise<number> {
  const where = options.dataFolder ?? "a temporary folder";
  process.stderr.write(`tidemark: the demo in ${where} is not part of this build.\n`);
  return Promise.resolve(1);
}
