import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The built program; another build can be named to keep a run apart from a rebuild. */
const PROGRAM =
  process.env["TIDEMARK_CLI"] ?? fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

/** How a command ended and what it said. */
export type CommandOutcome = {
  readonly exitCode: number | null;
  readonly out: string;
  readonly error: string;
};

/** A process of the built program, and everything it prints. */
export class RealProcess {
  readonly child: ChildProcess;
  /** Resolves when it has ended and all it said has been read. */
  readonly ended: Promise<CommandOutcome>;
  #out = "";
  #error = "";
  #listeners: (() => void)[] = [];
  #isEnded = false;

  /** @param through A program that runs it, e.g. in another network, and becomes it. */
  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    through: readonly string[] = [],
  ) {
    const [program = process.execPath, ...rest] = [...through, process.execPath, PROGRAM, ...args];
    this.child = spawn(program, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.child.stdout?.on("data", (chunk: Buffer) => this.#heard("#out", chunk));
    this.child.stderr?.on("data", (chunk: Buffer) => this.#heard("#error", chunk));
    this.ended = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (exitCode) => {
        this.#isEnded = true;
        this.#tell();
        resolve({ exitCode, out: this.#out, error: this.#error });
      });
    });
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** What it said on stderr so far. */
  get errorText(): string {
    return this.#error;
  }

  /** The first match of its stdout; null when it ended without one. */
  async line(pattern: RegExp): Promise<RegExpExecArray | null> {
    for (;;) {
      const match = pattern.exec(this.#out);
      if (match !== null || this.#isEnded) return match;
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  /** Sends a signal unless it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#isEnded) this.child.kill(signal);
  }

  #heard(stream: "#out" | "#error", chunk: Buffer): void {
    if (stream === "#out") this.#out += chunk.toString("utf8");
    else this.#error += chunk.toString("utf8");
    this.#tell();
  }

  #tell(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}

/** Runs a command of the program to its end. */
export function runCommand(args: readonly string[]): Promise<CommandOutcome> {
  return new RealProcess(args).ended;
}
