/** Three members and plain SQL.js that run one transaction after the other and must agree after each. */
import { expect } from "vitest";
import type { SqliteModule } from "../../../electron/store-worker/sqlite-module.ts";
import { SqlWorld, type Transaction } from "../worlds/sql-world.ts";

/** One such world; `dispose` at the end. */
export class FeatureWorld {
  readonly #world: SqlWorld;

  /** @param options.hasOracle false where chance or the clock has a part: plain SQL.js would draw others. */
  constructor(sqlite: SqliteModule, options = { hasOracle: true }) {
    this.#world = new SqlWorld(sqlite, 1, options);
  }

  /** Each must be done, with the same rows, counters, schema, results and answers everywhere. */
  same(...transactions: readonly Transaction[]): void {
    for (const transaction of transactions) this.#run(transaction, "done");
  }

  /** Each must fail everywhere, and change nothing. */
  fails(...transactions: readonly Transaction[]): void {
    for (const transaction of transactions) this.#run(transaction, "failed");
  }

  /** Each may be done or fail, everywhere alike; @returns how many were done. */
  alike(...transactions: readonly Transaction[]): number {
    const { done } = this.#world.tally;
    for (const transaction of transactions) this.#run(transaction, null);
    return this.#world.tally.done - done;
  }

  dispose(): void {
    this.#world.dispose();
  }

  #run(transaction: Transaction, outcome: "done" | "failed" | null): void {
    const { tally } = this.#world;
    const expected = { ...tally, statements: tally.statements + transaction.length };
    this.#world.round([transaction]);
    this.#world.compare();
    this.#world.verify();
    // Nothing is refused that plain SQL.js would do.
    const came = outcome ?? (tally.done > expected.done ? "done" : "failed");
    expected[came] += 1;
    expect(tally, transaction.join("; ")).toEqual(expected);
  }
}
