/**
 * Clients that keep writing whatever happens to the members: each numbers its writes and repeats
 * one, with the same number, at the next member until somebody acknowledges it. What they keep is
 * exactly what a user was told is safe.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiErrorCode } from "../../shared/api/methods.ts";
import type { RealMember } from "../support/real-member.ts";

/** Errors that leave it open whether, or say that nothing happened: the same write is repeated. */
const REPEATED = new Set<ApiErrorCode>([
  "not-leader",
  "no-quorum",
  "unknown-outcome",
  "unreachable",
  "busy",
]);

const RETRY_AFTER_MS = 10;

/** The table that the clients write to. Nothing in it would hide a write that was done twice. */
export const MARKS_SQL =
  "CREATE TABLE marks (id INTEGER PRIMARY KEY, client TEXT, sequence INTEGER)";

/** An acknowledged write, named as in `marks`. */
export type Acknowledged = { readonly client: string; readonly sequence: number };

/** Several clients at once. */
export class Writers {
  readonly acknowledged: Acknowledged[] = [];
  /** What no client may ever be told about these writes. */
  readonly refused: string[] = [];
  readonly #members: readonly RealMember[];
  readonly #running: Promise<void>[];
  #isStopping = false;
  #watchers: (() => void)[] = [];

  constructor(members: readonly RealMember[], clientNames: readonly string[]) {
    this.#members = members;
    this.#running = clientNames.map((client) => this.#write(client));
  }

  /** Resolves after this many more acknowledgements. */
  async more(count: number): Promise<void> {
    const goal = this.acknowledged.length + count;
    while (this.acknowledged.length < goal && this.refused.length === 0) {
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  /** Lets every client end the write it is at. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
  }

  async #write(client: string): Promise<void> {
    let target = 0;
    for (let sequence = 1; !this.#isStopping && this.refused.length === 0; sequence++) {
      target = await this.#writeOne({ client, sequence }, target);
    }
  }

  /** @returns the member that took it: the next write goes there first. */
  async #writeOne({ client, sequence }: Acknowledged, first: number): Promise<number> {
    const sql = "INSERT INTO marks(client, sequence) VALUES (?, ?)";
    const statements = [{ sql, params: [client, sequence] }];
    for (let target = first; ; target++) {
      const member = this.#members[target % this.#members.length];
      const answer = await member?.call("execute", { statements, clientId: client, sequence });
      if (answer?.ok === true) {
        this.#acknowledge({ client, sequence });
        return target;
      }
      const error = answer?.error;
      if (error !== undefined && !REPEATED.has(error.code)) {
        this.refused.push(`${client} ${sequence}: ${error.code}: ${error.message}`);
        this.#tell();
        return target;
      }
      await sleep(RETRY_AFTER_MS);
    }
  }

  #acknowledge(write: Acknowledged): void {
    this.acknowledged.push(write);
    this.#tell();
  }

  #tell(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}
