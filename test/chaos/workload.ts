/**
 * The clients of one history: started together, stopped together, and judged together by the
 * checkers. A history covers one schedule, so that it stays small enough to be judged whole.
 */
import type { ApiErrorCode, ReadLevel } from "../../shared/api/methods.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { HistoryWriter } from "../support/checkers/history-file.ts";
import type { Fault, NewOperation } from "../support/checkers/history.ts";
import { BULK_TABLE_SQL, BulkWriter } from "./bulk-writer.ts";
import { ChaosClient } from "./chaos-client.ts";
import type { ClientIdentity } from "./chaos-client.ts";
import type { Lab } from "./lab.ts";
import { KeySpace, TABLES_SQL, Wishes } from "./operations.ts";
import type { ReadWish } from "./operations.ts";

/** How hard the clients work. */
export type WorkloadOptions = {
  readonly seed: number;
  readonly thinkMsMax: number;
  readonly readShare: number;
  /** Of the rows that fill the log beside the history; 0: none. */
  readonly bulkRowBytes: number;
  /** Where the history is written. */
  readonly file: string;
  /** Goes into its first line. */
  readonly about: unknown;
};

/** What was done, by level and outcome. */
export type OperationCounts = {
  readonly reads: Readonly<Record<ReadLevel, number>>;
  readonly writes: number;
  readonly transactions: number;
  readonly unknown: number;
  /** Reads that were refused or not answered. */
  readonly refused: number;
};

type Waiter = {
  readonly aboveTerm: number;
  readonly resolve: (endMs: number) => void;
};

/** Clients of a lab, for as many histories as wanted. */
export function makeIdentities(lab: number, count: number): readonly ClientIdentity[] {
  return Array.from({ length: count }, (_, i) => ({ id: `lab${lab}-client${i}`, sequence: 0 }));
}

/** Makes the tables, once per cluster. */
export async function makeTables(lab: Lab): Promise<void> {
  const { member } = await lab.waitLeader();
  await member.must("execute", {
    statements: [...TABLES_SQL, BULK_TABLE_SQL].map((sql) => ({ sql })),
  });
}

/** See the top of the file. */
export class Workload {
  readonly #originMs = performance.now();
  readonly #writer: HistoryWriter;
  readonly #keys: KeySpace;
  readonly #clients: readonly ChaosClient[];
  /** What broke a client; null when all ended well. */
  readonly #ended: Promise<unknown>;
  readonly #counts = {
    reads: { local: 0, bounded: 0, session: 0, linearizable: 0 },
    ...{ writes: 0, transactions: 0, unknown: 0, refused: 0 },
  };
  readonly #bulk: BulkWriter | null;
  #refusals = new Map<string, number>();
  #waiters: Waiter[] = [];

  /** Starts the clients. */
  constructor(lab: Lab, identities: readonly ClientIdentity[], options: WorkloadOptions) {
    const { seed, file, about, thinkMsMax, readShare, bulkRowBytes } = options;
    this.#writer = new HistoryWriter(file, { source: "chaos", clockUncertaintyMs: 0, seed, about });
    // The first client's sequence tells histories of one cluster apart.
    this.#keys = new KeySpace(`h${seed}-${identities[0]?.sequence ?? 0}-`);
    this.#clients = identities.map((identity, i) => {
      const rng = seededRng(seed * 1_000 + i);
      return new ChaosClient({
        ...{ members: lab.members, rng, identity, thinkMsMax, keys: this.#keys },
        wishes: new Wishes(rng, this.#keys, i, readShare),
        process: `c${i}`,
        nowMs: () => this.nowMs(),
        note: (operation) => this.#note(operation),
        refused: (wish, code) => this.#refuse(wish, code),
        acknowledged: ({ term, endMs }) => this.#acknowledge(term, endMs),
      });
    });
    this.#bulk = bulkRowBytes === 0 ? null : new BulkWriter(lab.members, bulkRowBytes);
    const running = this.#clients.map((client) => client.run());
    this.#ended = Promise.all(running).then(
      () => null,
      (cause: unknown) => cause,
    );
  }

  get counts(): OperationCounts {
    return this.#counts;
  }

  /** Large rows that were acknowledged. */
  get bulkCount(): number {
    return this.#bulk?.writtenCount ?? 0;
  }

  /** Refusals of reads by level and code: `linearizable no-quorum`. */
  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals;
  }

  /** Operations that were answered, or given up. */
  get operationCount(): number {
    return this.#writer.operationCount;
  }

  /** ms of the history's clock. */
  nowMs(): number {
    return performance.now() - this.#originMs;
  }

  /** Writes down what was done to the cluster. */
  fault(fault: Omit<Fault, "time">): void {
    this.#writer.fault({ ...fault, time: this.nowMs() });
  }

  /** When the first write was acknowledged in a later term, ms of the history's clock. */
  newLeader(aboveTerm: number): Promise<number> {
    return new Promise((resolve) => this.#waiters.push({ aboveTerm, resolve }));
  }

  /** Lets every client end what it is at. Throws what broke one. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.stop();
    await this.#bulk?.stop();
    const broken = await this.#ended;
    if (broken !== null) throw new Error("a client broke", { cause: broken });
  }

  /** Looks once more at everything that was ever written, and closes the history. */
  async close(): Promise<void> {
    const [reader] = this.#clients;
    for (const key of this.#keys.written()) {
      await reader?.readSurely(
        this.#keys.isList(key)
          ? { kind: "look", keys: [key], level: "linearizable" }
          : { kind: "read", key, level: "linearizable" },
      );
    }
    this.#writer.close();
  }

  #note(operation: NewOperation): void {
    this.#writer.operation(operation);
    if (operation.outcome === "unknown") this.#counts.unknown += 1;
    const level = "level" in operation ? operation.level : undefined;
    if (level !== undefined) this.#counts.reads[level] += 1;
    else if (operation.kind === "txn") this.#counts.transactions += 1;
    else this.#counts.writes += 1;
  }

  #refuse(wish: ReadWish, code: ApiErrorCode): void {
    this.#counts.refused += 1;
    const name = `${wish.level} ${code}`;
    this.#refusals.set(name, (this.#refusals.get(name) ?? 0) + 1);
  }

  #acknowledge(term: number, endMs: number): void {
    const met = this.#waiters.filter(({ aboveTerm }) => term > aboveTerm);
    if (met.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter));
    for (const { resolve } of met) resolve(endMs);
  }
}
