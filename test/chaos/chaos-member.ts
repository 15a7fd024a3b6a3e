/**
 * One member in a network and on a disk of its own: its `serve` process, the relay to its API, and
 * what can be done to it. It knows nothing of the other members.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ApiError, ApiMethod, ApiParams, ApiResult } from "../../shared/api/methods.ts";
import type { Result } from "../../shared/base/result.ts";
import { err } from "../../shared/base/result.ts";
import type { Status } from "../../shared/cluster/status.ts";
import { RealProcess } from "../support/real-process.ts";
import type { CommandOutcome } from "../support/real-process.ts";
import type { LabDisk } from "./lab-disk.ts";
import { SocketClient } from "./socket-client.ts";
import type { SyncSwitch } from "./sync-fault.ts";

const RELAY = fileURLToPath(new URL("../../test/chaos/tools/relay.mjs", import.meta.url));
/** The same in every network: each is its member's own. */
const LISTEN_PORT = 7412;
const HTTP_PORT = 7480;
const CALL_MS = 10_000;
const STATUS_MS = 1_000;
const LEAVE_MS = 15_000;

/** Where a member lives. */
export type MemberPlace = {
  readonly place: number;
  /** In its network. */
  readonly address: string;
  /** The command that enters its network. */
  readonly inside: readonly string[];
  readonly disk: LabDisk;
  readonly syncs: SyncSwitch;
  /** For the relay's socket; not on the member's disk. */
  readonly folder: string;
};

/** See the top of the file. */
export class ChaosMember {
  readonly place: number;
  readonly disk: LabDisk;
  readonly syncs: SyncSwitch;
  readonly #at: MemberPlace;
  /** Grows with every new identity: a removed member's name is never used again. */
  #generation = 0;
  #process: RealProcess | null = null;
  #client: SocketClient | null = null;
  #relay: ChildProcess | null = null;
  #isFrozen = false;
  #bootCount = 0;

  constructor(at: MemberPlace) {
    this.#at = at;
    this.place = at.place;
    this.disk = at.disk;
    this.syncs = at.syncs;
  }

  /** Its name in the cluster. */
  get name(): string {
    return `m${this.place}.${this.#generation}`;
  }

  get dataFolder(): string {
    return join(this.disk.folder, "data");
  }

  get isRunning(): boolean {
    return this.#process !== null && !this.#process.isEnded;
  }

  /** How many times it was started under this name. */
  get bootCount(): number {
    return this.#bootCount;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** What its process said on stderr since it started. */
  get complaint(): string {
    return this.#process?.errorText.trim() ?? "";
  }

  /** Starts the relay; it stays until `dispose`. */
  async openRelay(): Promise<void> {
    const [enter = "", ...args] = this.#at.inside;
    const relay = [process.execPath, RELAY, this.#socketFile(), String(HTTP_PORT)];
    const child = spawn(enter, [...args, ...relay], { stdio: ["pipe", "pipe", "inherit"] });
    this.#relay = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", () => reject(new Error(`the relay of ${this.name} did not start`)));
    });
  }

  /** Runs a command of the program on its data folder, in its network. Throws when it fails. */
  async command(...args: readonly string[]): Promise<string> {
    const outcome = await this.#run([...args, "--data", this.dataFolder]).ended;
    if (outcome.exitCode === 0) return outcome.out;
    throw new Error(`tidemark ${args[0]} on ${this.name}: ${outcome.error.trim()}`);
  }

  /** Starts it. @returns null when it is ready; how it ended when it is not. */
  async tryStart(): Promise<CommandOutcome | null> {
    const child = this.#run([
      "serve",
      ...["--data", this.dataFolder],
      ...["--listen", `${this.#at.address}:${LISTEN_PORT}`],
      ...["--http", `127.0.0.1:${HTTP_PORT}`],
      "--no-mdns",
    ]);
    this.#process = child;
    this.#isFrozen = false;
    this.#bootCount += 1;
    if ((await child.line(/^tidemark ready/m)) === null) return child.ended;
    const token = (await readFile(join(this.dataFolder, "api-token"), "utf8")).trim();
    this.#client?.close();
    const host = `127.0.0.1:${HTTP_PORT}`;
    this.#client = new SocketClient({ socketFile: this.#socketFile(), host, token });
    return null;
  }

  /** Starts it. Throws what it complains of. */
  async start(): Promise<void> {
    const outcome = await this.tryStart();
    if (outcome !== null) throw new Error(`${this.name} did not start: ${outcome.error.trim()}`);
  }

  /** A call of its API; `unreachable` while it does not run. */
  call<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
    withinMs = CALL_MS,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    if (this.#client !== null && this.isRunning) return this.#client.call(method, params, withinMs);
    return Promise.resolve(err({ code: "unreachable", message: `${this.name} does not run.` }));
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
    const status = await this.call("status", {}, STATUS_MS);
    return status.ok ? status.value : null;
  }

  /** `kill -9`; it may be frozen. */
  async kill(): Promise<void> {
    this.#process?.signal("SIGKILL");
    await this.#process?.ended;
    this.#isFrozen = false;
  }

  /** Asks it to leave, and kills it when it does not. @returns its exit code. */
  async leave(): Promise<number | null> {
    this.#process?.signal("SIGTERM");
    const timer = setTimeout(() => this.#process?.signal("SIGKILL"), LEAVE_MS);
    const outcome = await this.#process?.ended;
    clearTimeout(timer);
    return outcome?.exitCode ?? null;
  }

  /** Freezes it: its connections stay open and nobody answers. */
  freeze(): void {
    this.#process?.signal("SIGSTOP");
    this.#isFrozen = true;
  }

  /** Wakes it. */
  wake(): void {
    this.#process?.signal("SIGCONT");
    this.#isFrozen = false;
  }

  /** Throws its data away; it may join again, as somebody else. */
  async wipe(): Promise<void> {
    await this.kill();
    await rm(this.dataFolder, { recursive: true, force: true });
    await this.disk.settle();
    this.#generation += 1;
    this.#bootCount = 0;
  }

  /** Ends its processes. */
  async endAll(): Promise<void> {
    await this.syncs.set(null);
    await this.kill();
    this.#client?.close();
    const relay = this.#relay;
    if (relay === null || relay.exitCode !== null) return;
    const ended = once(relay, "exit");
    relay.stdin?.end();
    await ended;
  }

  #run(args: readonly string[]): RealProcess {
    return new RealProcess(args, this.syncs.environment, this.#at.inside);
  }

  #socketFile(): string {
    return join(this.#at.folder, `${this.place}.sock`);
  }
}
