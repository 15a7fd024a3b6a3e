/**
 * One of the demo's members: a `serve` process, how to talk to it, and how it comes back after
 * it was killed. It knows nothing of the other two.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ApiError, ApiMethod, ApiParams, ApiResult } from "../../shared/api/methods.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import { AgentClient } from "./agent-client.ts";

const READY_WAIT_MS = 60_000;
const RETURN_AFTER_MS = 10_000;

/** One member of the demo: a `serve` process and the way to talk to it. */
export class DemoMember {
  readonly name: string;
  readonly dataFolder: string;
  #process: ChildProcess | null = null;
  #client: AgentClient | null = null;
  #openUrl = "";
  /** Kept over restarts, so that open browser tabs find the member again. */
  #httpPort = "0";
  #isStopping = false;
  #say: ((line: string) => void) | null = null;

  constructor(name: string, dataFolder: string) {
    this.name = name;
    this.dataFolder = dataFolder;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Signs the browser in. */
  get openUrl(): string {
    return this.#openUrl;
  }

  /** Starts the process and waits until it answers. */
  async start(): Promise<Result<null, string>> {
    const child = spawn(
      process.execPath,
      [
        fileURLToPath(import.meta.url),
        "serve",
        ...["--data", this.dataFolder],
        ...["--listen", "127.0.0.1:0"],
        ...["--http", `127.0.0.1:${this.#httpPort}`],
        ...["--mdns-interface", "127.0.0.1"],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#process = child;
    const http = await readyUrl(child);
    if (!http.ok) return err(`${this.name} did not start: ${http.error}`);
    this.#httpPort = new URL(http.value).port;
    const token = (await readFile(join(this.dataFolder, "api-token"), "utf8")).trim();
    this.#client = new AgentClient(http.value, token);
    this.#openUrl = `${http.value}/#token=${token}`;
    child.once("exit", () => this.#exited());
    return ok(null);
  }

  /** A call of the API. */
  call<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    if (this.#client !== null) return this.#client.call(method, params);
    const message = `${this.name} does not run.`;
    return Promise.resolve(err({ code: "unreachable", message }));
  }

  /** Runs a command against this member with this terminal. @returns its exit code. */
  run(command: readonly string[]): Promise<number> {
    const args = [fileURLToPath(import.meta.url), ...command, "--data", this.dataFolder];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
    return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
  }

  /** Tells of changes of leadership and of its own end; starts it again after a while. */
  watch(say: (line: string) => void): void {
    this.#say = say;
    void this.#follow();
  }

  /** Asks it to leave and waits until it has. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    await ended;
  }

  async #follow(): Promise<void> {
    if (this.#client === null) return;
    for await (const event of this.#client.events()) {
      // Everybody hears of a new leader; only the leader itself tells, so it is said once.
      if (event.type !== "leadership" || event.leader === null) continue;
      const status = await this.call("status", {});
      if (status.ok && status.value.member.id === event.leader) {
        this.#say?.(`${this.name} leads now (term ${event.term}).`);
      }
    }
  }

  #exited(): void {
    if (this.#isStopping) return;
    this.#client = null;
    this.#say?.(`${this.name} has ended. It comes back in ten seconds.`);
    setTimeout(() => void this.#comeBack(), RETURN_AFTER_MS).unref();
  }

  async #comeBack(): Promise<void> {
    if (this.#isStopping) return;
    const started = await this.start();
    this.#say?.(
      started.ok ? `${this.name} is back (process ${this.pid}) and catches up.` : started.error,
    );
    if (started.ok) void this.#follow();
  }
}

/** Waits for the line that `serve` prints. */
function readyUrl(child: ChildProcess): Promise<Result<string, string>> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) return Promise.resolve(err("it has no output."));
  let complaint = "";
  stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString("utf8")));
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(err("it was not ready in time.")), READY_WAIT_MS);
    const end = (outcome: Result<string, string>): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    createInterface({ input: stdout }).on("line", (line) => {
      const http = /^tidemark ready http=(\S+)/.exec(line)?.[1];
      if (http !== undefined) end(ok(http));
    });
    child.once("exit", (code) => end(err(complaint.trim() || `it ended with code ${code}.`)));
  });
}
