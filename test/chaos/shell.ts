import { spawn } from "node:child_process";

/** How a system command ended. */
export type ShellOutcome = {
  readonly isDone: boolean;
  readonly out: string;
  readonly error: string;
};

/** Runs a system command to its end; never rejects. @param input What it reads on stdin. */
export function tryRun(
  program: string,
  args: readonly string[],
  input = "",
): Promise<ShellOutcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    let out = "";
    let error = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString("utf8")));
    child.once("error", (cause) => resolve({ isDone: false, out, error: cause.message }));
    child.once("close", (code) => resolve({ isDone: code === 0, out, error }));
    // A command that ends without reading closes the pipe; its exit code tells the rest.
    child.stdin.on("error", (cause) => (error += cause.message));
    child.stdin.end(input);
  });
}

/** The same for one that has to work. @returns its output. */
export async function run(program: string, args: readonly string[], input = ""): Promise<string> {
  const { isDone, out, error } = await tryRun(program, args, input);
  if (!isDone) throw new Error(`${program} ${args.join(" ")}: ${error.trim()}`);
  return out;
}
