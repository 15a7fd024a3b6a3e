#!/usr/bin/env node
/** Entry of the command line: the real terminal, the real agent, the process's exit code. */
import { existsSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import { runCli } from "./program.ts";
import type { Starters } from "./starters.ts";
import type { Terminal } from "./terminal.ts";

declare const __TIDEMARK_VERSION__: string | undefined;

async function loadStarters(): Promise<Starters> {
  const [{ startAgent }, { createClusterIn, joinClusterIn }, { repairIn }, { runDemo }] =
    await Promise.all([
      import("../agent/start.ts"),
      import("../agent/prepare.ts"),
      import("../agent/repair.ts"),
      import("./demo.ts"),
    ]);
  return { startAgent, createClusterIn, joinClusterIn, repairIn, runDemo };
}

function realTerminal(): Terminal {
  const { stdout, stderr } = process;
  // `tidemark log | head` closes the pipe early: that is the reader's right, not an error.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
  return {
    out: (text) => void stdout.write(text),
    outSlowly: (text) =>
      new Promise((resolve) => {
        if (stdout.write(text)) resolve();
        else stdout.once("drain", resolve);
      }),
    error: (text) => void stderr.write(text),
    isErrorTty: stderr.isTTY === true,
    isOutTty: stdout.isTTY === true,
    ask,
    env: process.env,
    platform: process.platform,
    homeFolder: homedir(),
    waitForStop,
  };
}

async function ask(question: string): Promise<string | null> {
  const { stdin, stderr } = process;
  if (stdin.isTTY !== true || stderr.isTTY !== true) return null;
  const lines = createInterface({ input: stdin, output: stderr });
  // Ctrl+D and Ctrl+C end it without a line.
  const ended = new Promise<null>((resolve) => lines.once("close", () => resolve(null)));
  const answer = await Promise.race([lines.question(question), ended]);
  lines.close();
  return answer ?? "";
}

/** Adds the listeners only when a command waits, or Ctrl+C would not end the others. */
function waitForStop(): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false;
    const ask = () => {
      if (isAsked) process.exit(1); // Asked twice: the person does not want to wait.
      isAsked = true;
      resolve();
    };
    process.on("SIGTERM", ask);
    process.on("SIGINT", ask);
  });
}

/** A bug: one line for the person, everything for whoever looks into it. */
function reportBug(cause: unknown): void {
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  if (process.env["TIDEMARK_DEBUG"] === "1") {
    process.stderr.write(`${text}\n`);
    return;
  }
  const path = join(tmpdir(), `tidemark-error-${process.pid}.log`);
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  process.stderr.write(`tidemark: an error of Tidemark itself; details are in ${path}\n`);
}

async function main(): Promise<void> {
  const folder = fileURLToPath(new URL("./renderer", import.meta.url));
  try {
    process.exitCode = await runCli(process.argv.slice(2), {
      terminal: realTerminal(),
      starters: loadStarters,
      rendererFolder: existsSync(join(folder, "index.html")) ? folder : null,
      version: typeof __TIDEMARK_VERSION__ === "string" ? __TIDEMARK_VERSION__ : "0.1.0",
    });
  } catch (cause) {
    reportBug(cause);
    process.exitCode = 1;
  }
}

await main();
