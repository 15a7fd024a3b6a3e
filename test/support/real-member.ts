/**
 * One member as a person runs it: a data folder on a real disk and a `serve` process of the
 * built program. It knows how to start, end and freeze that process and how to call its API; it
 * knows nothing of the other members.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ApiError, ApiMethod, ApiParams, ApiResult } from "../../shared/api/methods.ts";
import type { Result } from "../../shared/base/result.ts";
import { err } from "../../shared/base/result.ts";
import type { JsonCell, JsonParams } from "../../shared/changes/values.ts";
import type { Status } from "../../shared/cluster/status.ts";
import { AgentClient } from "../../electron/cli/agent-client.ts";
import { RealProcess, runCommand } from "./real-process.ts";
import type { CommandOutcome } from "./real-process.ts";

/** A data folder, and the process that serves it while it runs. */
export class RealMember {
  readonly name: string;
  readonly dataFolder: string;
  #process: RealProcess | null = null;
  #client: AgentClient | null = null;
  #httpUrl = "";
  #token = "";

  constructor(name: string, dataFolder: string) {
    this.name = name;
    this.dataFolder = dataFolder;
  }

  get isRunning(): boolean {
    return this.#process !== null && !this.#process.isEnded;
  }

  /** Where its window answers; the link signs a browser in. */
  get openUrl(): string {
    return `${this.#httpUrl}/#token=${this.#token}`;
  }

  /** Starts it where its window answered before, so that open windows find it again. */
  async startAgain(): Promise<void> {
    const outcome = await this.tryStart(["--http", new URL(this.#httpUrl).host]);
    if (outcome !== null) throw new Error(`${this.name} did not start again: ${outcome.error}`);
  }

  /** Starts it and waits until it says that it is ready. Throws what it complains of. */
  async start(): Promise<void> {
    const outcome = await this.tryStart();
    if (outcome !== null) throw new Error(`${this.name} did not start: ${outcome.error}`);
  }

  /** Starts it. @returns null when it runs; how it ended when it does not. */
  async tryStart(more: readonly string[] = []): Promise<CommandOutcome | null> {
    const child = new RealProcess([
      "serve",
      ...["--data", this.dataFolder],
      ...["--listen", "127.0.0.1:0"],
      ...["--http", "127.0.0.1:0"],
      ...["--mdns-interface", "127.0.0.1"],
      ...more,
    ]);
    this.#process = child;
    const ready = await child.line(/^tidemark ready http=(\S+)/m);
    if (ready === null) return child.ended;
    this.#httpUrl = ready[1] ?? "";
    this.#token = (await readFile(join(this.dataFolder, "api-token"), "utf8")).trim();
    this.#client = new AgentClient(this.#httpUrl, this.#token);
    return null;
  }

  /** A call of the API; `unreachable` while it does not run. */
  async call<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    if (this.#client !== null) return this.#client.call(method, params);
    return err({ code: "unreachable", message: `${this.name} was never started.` });
  }

  /** A call that has to work. */
  async must<M extends ApiMethod>(method: M, params: ApiParams<M>): Promise<ApiResult<M>> {
    const answer = await this.call(method, params);
    if (answer.ok) return answer.value;
    const { code, message } = answer.error;
    throw new Error(`${method} on ${this.name}: ${code}: ${message}`);
  }

  /** Its picture of the cluster; null while it does not answer. */
  async status(): Promise<Status | null> {
    const status = await this.call("status", {});
    return status.ok ? status.value : null;
  }

  /** One statement that has to work, as one transaction. @returns its log index. */
  async execute(sql: string, params: JsonParams = []): Promise<number> {
    return (await this.must("execute", { statements: [{ sql, params }] })).index;
  }

  /** The rows a query sees here without waiting for anybody. */
  async rows(sql: string): Promise<readonly (readonly JsonCell[])[]> {
    return (await this.must("query", { sql, rowsMax: 100_000 })).rows;
  }

  /** A command of the program against this member's data folder. */
  command(...args: readonly string[]): Promise<CommandOutcome> {
    return runCommand([...args, "--data", this.dataFolder]);
  }

  /** `kill -9`: nothing is said, nothing is flushed. */
  async kill(): Promise<void> {
    this.#process?.signal("SIGKILL");
    await this.#process?.ended;
  }

  /** Asks it to leave. @returns its exit code. */
  async leave(): Promise<number | null> {
    this.#process?.signal("SIGTERM");
    return (await this.#process?.ended)?.exitCode ?? null;
  }

  /** Freezes it as a sleeping laptop is frozen: connections stay open and nobody answers. */
  freeze(): void {
    this.#process?.signal("SIGSTOP");
  }

  /** Wakes it again. */
  wake(): void {
    this.#process?.signal("SIGCONT");
  }
}
