import { setTimeout as sleep } from "node:timers/promises";
import type { ChaosMember } from "./chaos-member.ts";

const ROW_COUNT = 16;
const WAIT_MS = 3_000;
const PACE_MS = 30;

/** Where large rows go. */
export const BULK_TABLE_SQL =
  "CREATE TABLE IF NOT EXISTS bulk (id INTEGER PRIMARY KEY, image BLOB)";

/**
 * Fills the log with large rows, so that members make, send and drop what is only made, sent and dropped when
 * a log is long: segments, snapshots. What it writes is compared between members, not checked as a history.
 */
export class BulkWriter {
  readonly #members: readonly ChaosMember[];
  readonly #rowBytes: number;
  readonly #ended: Promise<void>;
  #isStopping = false;
  #writtenCount = 0;

  constructor(members: readonly ChaosMember[], rowBytes: number) {
    this.#members = members;
    this.#rowBytes = rowBytes;
    this.#ended = this.#run();
  }

  /** Rows that were acknowledged. */
  get writtenCount(): number {
    return this.#writtenCount;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#ended;
  }

  async #run(): Promise<void> {
    let place = 0;
    for (let id = 0; !this.#isStopping; id = (id + 1) % ROW_COUNT) {
      // Drawn by the leader: also a proof that rows are copied, not statements.
      const sql = `INSERT OR REPLACE INTO bulk VALUES (?, randomblob(${this.#rowBytes}))`;
      const member = this.#members[place % this.#members.length] as ChaosMember;
      const answer = await member.call("execute", { statements: [{ sql, params: [id] }] }, WAIT_MS);
      if (answer.ok) this.#writtenCount += 1;
      else place += 1;
      await sleep(PACE_MS);
    }
  }
}
