/**
 * Several engines fed with one log, as members are: the first captures, all apply, and every
 * answer is compared. Knows nothing of consensus.
 */
import { expect } from "vitest";
import { logIndex, term } from "../../shared/base/ids.ts";
import type { StatementResult } from "../../shared/api/methods.ts";
import type { JsonCell, JsonParams, SqlStatement } from "../../shared/changes/values.ts";
import { createStoreEngine, type StoreEngine } from "../../electron/store-worker/engine.ts";
import type {
  ApplyOutcome,
  CaptureOutcome,
  CaptureRequest,
  CommittedEntry,
} from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";

/** A capture request with the parts a test does not care about filled in. */
export function request(
  statements: readonly (string | SqlStatement)[],
  more: Partial<CaptureRequest> = {},
): CaptureRequest {
  return {
    work: {
      type: "statements",
      statements: statements.map((sql) => (typeof sql === "string" ? { sql } : sql)),
    },
    client: null,
    author: "ada",
    atMs: 1_700_000_000_000,
    isInternal: false,
    ...more,
  };
}

/** Several engines fed with the same log: the first captures, all apply. */
export class StoreGroup {
  readonly engines: readonly StoreEngine[];
  index = 0;

  constructor(sqlite: SqliteModule, count: number) {
    this.engines = Array.from({ length: count }, () => createStoreEngine(sqlite));
    for (const engine of this.engines) {
      const loaded = engine.handle("load", { image: null });
      expect(loaded.ok).toBe(true);
    }
  }

  get leader(): StoreEngine {
    return this.engines[0] as StoreEngine;
  }

  capture(...requests: CaptureRequest[]): readonly CaptureOutcome[] {
    return this.leader.handle("capture", { requests });
  }

  /** Turns payloads into the next entries of the log. */
  entries(payloads: readonly (Uint8Array | null)[], termValue = 1): CommittedEntry[] {
    return payloads.map((payload) => ({
      term: term(termValue),
      index: logIndex(++this.index),
      payload,
    }));
  }

  /** Applies to every engine and expects the same position and checksum everywhere. */
  apply(entries: readonly CommittedEntry[]): ApplyOutcome[] {
    const outcomes = this.engines.map((engine) => engine.handle("apply", { entries }));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ type: "applied" });
      expect(outcome).toEqual(outcomes[0]);
    }
    return outcomes;
  }

  /** One transaction through the whole path; it must succeed. */
  execute(...statements: (string | SqlStatement)[]): readonly StatementResult[] {
    return this.commit(request(statements));
  }

  commit(wanted: CaptureRequest): readonly StatementResult[] {
    const [outcome] = this.capture(wanted);
    if (outcome === undefined || !outcome.ok) throw new Error(JSON.stringify(outcome));
    if (outcome.value.type !== "captured") throw new Error("a duplicate");
    this.apply(this.entries(outcome.value.payloads));
    return outcome.value.results;
  }

  /** Rows of a query, which must be the same on every engine. */
  query(sql: string, params: JsonParams = []): readonly (readonly JsonCell[])[] {
    const answers = this.engines.map((engine) => rows(engine, sql, params));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    return answers[0] ?? [];
  }

  /** Rolling and recomputed checksums agree, and are the same on every engine. */
  verify(): void {
    const outcomes = this.engines.map((engine) => engine.handle("verify", {}));
    for (const outcome of outcomes) {
      for (const table of outcome.tables) {
        expect(table.rolling, `checksum of ${table.name}`).toBe(table.recomputed);
      }
      expect(outcome.recomputed).toBe(outcome.position.checksum);
      expect(outcome).toEqual(outcomes[0]);
    }
  }

  dispose(): void {
    for (const engine of this.engines) engine.dispose();
  }
}

/** Rows of a query on one engine, which must succeed. */
export function rows(
  engine: StoreEngine,
  sql: string,
  params: JsonParams = [],
): readonly (readonly JsonCell[])[] {
  const answer = engine.handle("query", { sql, params, rowsMax: 100_000 });
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value.rows;
}
