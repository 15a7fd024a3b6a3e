/**
 * Keeps the replication agent running in its own process, and connects windows to it.
 *
 * The agent is started by path and spoken to by messages only; no code of it is loaded here, so
 * nothing in this process can delay a heartbeat, and a crash there leaves the windows alive.
 * What the agent says to a window is none of this file's business: each client gets a port of
 * its own and both ends talk past this process.
 *
 * Messages to the agent process: `{ type: "client" }` with a port; `{ type: "stop" }`.
 */
import { MessageChannelMain, utilityProcess } from "electron";
import type { MessagePortMain, UtilityProcess } from "electron";
import { HEALTHY_AFTER_MS, restartDelayMs } from "./restart-delay.ts";

/** How long a stopping agent may take to hand over leadership before it is ended, in ms. */
const STOP_PATIENCE_MS = 8_000;

/** Lines of the agent's error output kept for "Copy diagnostics". */
const ERROR_LINES_MAX = 40;

/** Where the agent's process stands. */
export type AgentProcessState =
  | { readonly kind: "starting" }
  | { readonly kind: "running" }
  | { readonly kind: "waiting"; readonly exitCode: number; readonly restartInMs: number }
  | { readonly kind: "stopped" };

/** What the supervisor needs to know. */
export type SupervisorOptions = {
  /** The agent's bundle, `dist/agent.js`. */
  readonly modulePath: string;
  readonly dataFolder: string;
  /** Called after each start: the moment to connect clients, since their old ports are dead. */
  readonly onRunning: () => void;
  readonly onState: (state: AgentProcessState) => void;
};

/** One agent process at a time, started again when it ends by itself. */
export class AgentSupervisor {
  readonly #options: SupervisorOptions;
  readonly #errorLines: string[] = [];
  #state: AgentProcessState = { kind: "stopped" };
  #child: UtilityProcess | null = null;
  #restartTimer: NodeJS.Timeout | null = null;
  #failureCount = 0;
  #startedAtMs = 0;
  #isStopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get state(): AgentProcessState {
    return this.#state;
  }

  /** The last lines the agent wrote to its error output. */
  get errorLines(): readonly string[] {
    return this.#errorLines;
  }

  start(): void {
    this.#startedAtMs = performance.now();
    const child = utilityProcess.fork(
      this.#options.modulePath,
      ["--data", this.#options.dataFolder],
      { serviceName: "tidemark-agent", stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child = child;
    this.#enter({ kind: "starting" });
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#keepErrorLines(chunk.toString("utf8"));
    });
    child.once("spawn", () => {
      this.#enter({ kind: "running" });
      this.#options.onRunning();
    });
    child.once("exit", (exitCode) => {
      this.#afterExit(exitCode);
    });
  }

  /**
   * Opens a connection to the agent.
   *
   * @returns the client's end; null while no agent runs (`onRunning` tells when to try again).
   */
  connect(): MessagePortMain | null {
    if (this.#child === null || this.#state.kind !== "running") return null;
    const { port1, port2 } = new MessageChannelMain();
    this.#child.postMessage({ type: "client" }, [port2]);
    return port1;
  }

  /** Asks the agent to hand over and leave; ends it when it does not in time. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    this.#restartTimer = null;
    const child = this.#child;
    if (child === null) {
      this.#enter({ kind: "stopped" });
      return;
    }
    await new Promise<void>((resolve) => {
      const patience = setTimeout(() => child.kill(), STOP_PATIENCE_MS);
      child.once("exit", () => {
        clearTimeout(patience);
        resolve();
      });
      child.postMessage({ type: "stop" });
    });
  }

  #afterExit(exitCode: number): void {
    this.#child = null;
    if (this.#isStopping) {
      this.#enter({ kind: "stopped" });
      return;
    }
    const ranMs = performance.now() - this.#startedAtMs;
    this.#failureCount = ranMs >= HEALTHY_AFTER_MS ? 1 : this.#failureCount + 1;
    const restartInMs = restartDelayMs(this.#failureCount);
    this.#enter({ kind: "waiting", exitCode, restartInMs });
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = null;
      this.start();
    }, restartInMs);
  }

  #enter(state: AgentProcessState): void {
    this.#state = state;
    this.#options.onState(state);
  }

  #keepErrorLines(text: string): void {
    this.#errorLines.push(...text.split("\n").filter((line) => line !== ""));
    this.#errorLines.splice(0, Math.max(0, this.#errorLines.length - ERROR_LINES_MAX));
  }
}
