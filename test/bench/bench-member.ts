/**
 * One member as a process of its own, started by the built command line exactly as a person
 * would start it.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Status } from "../../shared/cluster/status.ts";
import { BenchClient } from "./bench-client.ts";

const READY_WAIT_MS = 120_000;
const COMMAND_WAIT_MS = 600_000;
/** A member that has not ended by then is ended: a bench always comes to its end. */
const STOP_WAIT_MS = 15_000;

/** Linux counts processor time in hundredths of a second. */
const TICK_MS = 10;

/** What every member of one run has in common. */
export type MemberSetup = {
  readonly program: string;
  readonly profileFolder: string | null;
};

/** Memory of a process in bytes, as Linux tells it. */
export type ProcessMemory = { readonly nowBytes: number; readonly peakBytes: number };

/** A command that goes on while something else is measured. */
export type RunningCommand = {
  /** What it printed; rejects with what it complained of. */
  readonly printed: Promise<string>;
  /** Whether it has ended, waited for no longer than this. */
  readonly endsWithin: (waitMs: number) => Promise<boolean>;
  readonly memory: () => Promise<ProcessMemory | null>;
};

/** See the top of the file. */
export class BenchMember {
  readonly dataFolder: string;
  readonly #setup: MemberSetup;
  #process: ChildProcess | null = null;
  #client: BenchClient | null = null;
  #http = "";
  #token = "";

  constructor(setup: MemberSetup, dataFolder: string) {
    this.#setup = setup;
    this.dataFolder = dataFolder;
  }

  /** Calls of the bench itself; load comes from `newClient`. */
  get client(): BenchClient {
    if (this.#client === null) throw new Error(`${this.dataFolder} does not run`);
    return this.#client;
  }

  /** A connection of its own. */
  newClient(): BenchClient {
    return new BenchClient(this.#http, this.#token);
  }

  /** Runs `serve` and waits until it answers. */
  async start(): Promise<void> {
    const { program, profileFolder } = this.#setup;
    const profiling =
      profileFolder === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
    const serve = ["serve", "--data", this.dataFolder, "--listen", "127.0.0.1:0"];
    const network = ["--http", "127.0.0.1:0", "--mdns-interface", "127.0.0.1"];
    const child = spawn(process.execPath, [...profiling, program, ...serve, ...network], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    this.#http = await readyUrl(child);
    this.#token = (await readFile(join(this.dataFolder, "api-token"), "utf8")).trim();
    this.#client = this.newClient();
  }

  /** Runs a command of the command line on this member's folder. @returns what it printed. */
  command(...args: readonly string[]): Promise<string> {
    const argv = [this.#setup.program, ...args, "--data", this.dataFolder];
    return new Promise((resolve, reject) => {
      execFile(process.execPath, argv, { timeout: COMMAND_WAIT_MS }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${args[0]} failed: ${stderr.trim() || error.message}`));
      });
    });
  }

  /** Begins such a command, without an end of its own: whoever began it waits for `printed`. */
  startCommand(...args: readonly string[]): RunningCommand {
    const argv = [this.#setup.program, ...args, "--data", this.dataFolder];
    const { child, printed } = spawnPrinting(argv);
    const ended = printed.then(
      () => true,
      () => true,
    );
    return {
      printed,
      endsWithin: (waitMs) =>
        Promise.race([
          ended,
          new Promise<false>((resume) => setTimeout(() => resume(false), waitMs)),
        ]),
      memory: () => memoryOf(child.pid),
    };
  }

  status(): Promise<Status> {
    return this.client.result<Status>("status", {});
  }

  /** Null where the system does not tell. */
  memory(): Promise<ProcessMemory | null> {
    return memoryOf(this.#process?.pid);
  }

  /** What the process has used of the processors so far; null where the system does not tell. */
  async processorMs(): Promise<number | null> {
    if (process.platform !== "linux") return null;
    const text = await readFile(`/proc/${this.#process?.pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; after it, user and system time are 12th and 13th.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  /** Ends it as a person would. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** Ends it as a power loss would. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#client?.close();
    this.#client = null;
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_WAIT_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** Null where the system does not tell, or when the process is gone. */
async function memoryOf(pid: number | undefined): Promise<ProcessMemory | null> {
  if (process.platform !== "linux") return null;
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kib = (name: string): number | null => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1];
    return found === undefined ? null : Number(found);
  };
  const [now, peak] = [kib("VmRSS"), kib("VmHWM")];
  return now === null || peak === null ? null : { nowBytes: now * 1024, peakBytes: peak * 1024 };
}

function spawnPrinting(argv: readonly string[]): {
  readonly child: ChildProcess;
  readonly printed: Promise<string>;
} {
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let [out, complaint] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const printed = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${argv[1]} ended with ${code}: ${complaint.trim().slice(-4_000)}`));
    });
  });
  return { child, printed };
}

function readyUrl(child: ChildProcess): Promise<string> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("the member has pipes");
  let complaint = "";
  // Read to the end: a pipe nobody reads would stop the member.
  stderr.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-4_000)));
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => reject(new Error(`serve ${reason}: ${complaint.trim()}`));
    const timer = setTimeout(() => fail("was not ready in time"), READY_WAIT_MS);
    createInterface({ input: stdout }).on("line", (line) => {
      const http = /^tidemark ready http=(\S+)/.exec(line)?.[1];
      if (http === undefined) return;
      clearTimeout(timer);
      resolve(http);
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`ended with code ${code}`);
    });
  });
}
