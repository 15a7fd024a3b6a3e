/**
 * The one picture of the cluster every page of the window looks at: the last status, when it
 * was heard, and whether the agent answers. It keeps the last picture when the agent is gone.
 */
import type { ApiEvent, HistoryEvent } from "../../shared/api/methods.ts";
import type { Status } from "../../shared/cluster/status.ts";
import type { Agent, ClientError, ConnectionState } from "./client.ts";

/** An event as a line of the history. */
export type HistoryLine = {
  readonly at: string;
  readonly sentence: string;
  /** Somebody may have to do something, or waits for it to pass. */
  readonly isTrouble: boolean;
};

/** Events kept for the history shown in the window. */
const EVENTS_MAX = 50;

/** Owns the last known status. Pages read it; nobody but the agent writes it. */
export class LiveStatus {
  #status = $state.raw<Status | null>(null);
  #connection = $state<ConnectionState>("connecting");
  /** This computer's clock at the last word from the agent; null before the first. */
  #heardAtMs = $state<number | null>(null);
  #nowMs = $state(Date.now());
  #leaderHttp = $state<string | null>(null);
  #history = $state.raw<readonly HistoryLine[]>([]);
  readonly #agent: Agent;
  readonly #endings: (() => void)[];

  constructor(agent: Agent) {
    this.#agent = agent;
    const ticker = setInterval(() => (this.#nowMs = Date.now()), 1_000);
    this.#endings = [
      agent.onConnection((state) => this.#onConnection(state)),
      agent.onEvent((event) => this.#onEvent(event)),
      () => clearInterval(ticker),
    ];
  }

  get status(): Status | null {
    return this.#status;
  }

  get connection(): ConnectionState {
    return this.#connection;
  }

  get heardAtMs(): number | null {
    return this.#heardAtMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** What happened to leadership and seats since the agent started, newest first. */
  get history(): readonly HistoryLine[] {
    return this.#history;
  }

  /** Where the leader's own window answers, when that is known. */
  get leaderHttp(): string | null {
    return this.#status?.leader?.http ?? this.#leaderHttp;
  }

  readonly canEdit = $derived.by(
    () => this.#connection === "open" && this.#status?.canWrite === true,
  );

  /** A refusal often says where the leader's window is: remembered for the banner. */
  learnFrom(error: ClientError): void {
    if (error.leader?.http) this.#leaderHttp = error.leader.http;
  }

  /** Asks for the status now instead of waiting for the next event. */
  async refresh(): Promise<void> {
    const answer = await this.#agent.call("status", {});
    if (answer.ok) this.#take(answer.value);
    const past = await this.#agent.call("history", {});
    if (past.ok) this.#history = past.value.events.map(lineOf).reverse().slice(0, EVENTS_MAX);
  }

  dispose(): void {
    for (const end of this.#endings) end();
  }

  #onConnection(state: ConnectionState): void {
    this.#connection = state;
    if (state === "open") void this.refresh();
  }

  #onEvent(event: ApiEvent): void {
    if (event.type === "status") this.#take(event.status);
    if (event.type === "leadership") {
      this.#leaderHttp = null;
      this.#note(lineOf(event));
    }
    if (event.type === "seat" || event.type === "doubt") this.#note(lineOf(event));
  }

  #note(line: HistoryLine): void {
    this.#history = [line, ...this.#history].slice(0, EVENTS_MAX);
  }

  #take(status: Status): void {
    this.#status = status;
    this.#heardAtMs = Date.now();
    this.#nowMs = Date.now();
  }
}

function lineOf(event: HistoryEvent): HistoryLine {
  const isTrouble = event.type === "leadership" ? event.leader === null : !isMended(event);
  return { at: event.at, sentence: event.sentence, isTrouble };
}

function isMended(event: Exclude<HistoryEvent, { type: "leadership" }>): boolean {
  return event.type === "seat" && event.state === "ok";
}
