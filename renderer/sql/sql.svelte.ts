/** One statement at a time: reads run on this computer's copy, everything else on the leader. */
import type { Agent } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import { isReading } from "./statement-kind.ts";

/** Rows shown of one result. */
export const ROWS_SHOWN_MAX = 1_000;

/** What came of the last run. */
export type SqlOutcome =
  | { readonly kind: "none" }
  | { readonly kind: "failed"; readonly failure: Failure }
  | {
      readonly kind: "rows";
      readonly columns: readonly string[];
      readonly rows: readonly (readonly JsonCell[])[];
      readonly isTruncated: boolean;
      readonly asOf: AsOf;
      readonly tookMs: number;
    }
  | {
      readonly kind: "changed";
      readonly changeCount: number;
      readonly columns: readonly string[];
      readonly rows: readonly (readonly JsonCell[])[];
      readonly position: { readonly term: number; readonly index: number };
      readonly tookMs: number;
    };

/** Owns the SQL page. It outlives the page, so that the statement is there on return. */
export class SqlController {
  sql = $state("");
  #outcome = $state.raw<SqlOutcome>({ kind: "none" });
  #isRunning = $state(false);
  readonly #agent: () => Agent;
  readonly #live: LiveStatus;
  readonly #nowMs: () => number;

  /**
   * @param agent Whom to ask now: the member, or its past.
   * @param nowMs A monotonic clock, to say how long a statement took.
   */
  constructor(agent: () => Agent, live: LiveStatus, nowMs: () => number) {
    this.#agent = agent;
    this.#live = live;
    this.#nowMs = nowMs;
  }

  get outcome(): SqlOutcome {
    return this.#outcome;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Another moment is looked at: what was found is of the former one. */
  clear(): void {
    if (!this.#isRunning) this.#outcome = { kind: "none" };
  }

  async run(): Promise<void> {
    const sql = this.sql.trim();
    if (sql === "" || this.#isRunning) return;
    this.#isRunning = true;
    this.#outcome = isReading(sql) ? await this.#read(sql) : await this.#write(sql);
    this.#isRunning = false;
  }

  async #read(sql: string): Promise<SqlOutcome> {
    const startedAtMs = this.#nowMs();
    const answer = await this.#agent().call("query", { sql, rowsMax: ROWS_SHOWN_MAX });
    if (!answer.ok) return { kind: "failed", failure: describeFailure(answer.error) };
    return { kind: "rows", ...answer.value, tookMs: this.#nowMs() - startedAtMs };
  }

  async #write(sql: string): Promise<SqlOutcome> {
    const startedAtMs = this.#nowMs();
    const answer = await this.#agent().write("execute", { statements: [{ sql }] });
    if (!answer.ok) {
      this.#live.learnFrom(answer.error);
      return { kind: "failed", failure: describeFailure(answer.error) };
    }
    const result = answer.value.results[0];
    return {
      kind: "changed",
      changeCount: result?.changes ?? 0,
      columns: result?.columns ?? [],
      rows: result?.rows ?? [],
      position: answer.value,
      tookMs: this.#nowMs() - startedAtMs,
    };
  }
}
