/**
 * A former state of the whole database, in a store of its own beside the present one: the newest snapshot at or
 * before it, and the log from there on. It is made when somebody asks, serves one position at a time, and gives its
 * memory back when nobody has asked for a while.
 *
 * Only forward: the log holds rows before and after, so one could also go back from the present, but not over a
 * change of the schema, and with other counters. What the log leads to is what was there.
 */
import type { ApiError } from "../../../shared/api/methods.ts";
import { defined } from "../../../shared/base/assert.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { LogView } from "../../../shared/raft/types.ts";
import type { StoreMethods } from "../../store-worker/messages.ts";
import { readableFrom } from "../log/kept-snapshots.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { Clock, Logger, Ports, Store, Timer } from "../ports.ts";
import { loadBefore, noRoom, notKept, replay } from "./scratch-replay.ts";

type PastStateOptions = {
  readonly log: LogView;
  readonly files: SnapshotFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly openStore: Ports["openScratchStore"];
};

/** What a former state can be asked. */
export type PastQuestion = "query" | "tables" | "outline" | "formerRows";

/** Then the memory is given back. */
const IDLE_MS = 60_000;

/** One at a time; who asks for another waits. */
export class PastState {
  readonly #options: PastStateOptions;
  #store: Store | null = null;
  /** Where the store stands; null while nobody knows. */
  #at: LogIndex | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #idle: Timer | null = null;
  #isClosed = false;

  constructor(options: PastStateOptions) {
    this.#options = options;
  }

  /** The oldest state that can be read; null when there is none before the present one. */
  get readableFrom(): LogIndex | null {
    const { files, log } = this.#options;
    return readableFrom(files.kept, log.firstIndex);
  }

  /** Asks the database as it was after an entry. @param index An applied one. */
  ask<M extends PastQuestion>(
    index: LogIndex,
    method: M,
    params: StoreMethods[M]["params"],
  ): Promise<Result<StoreMethods[M]["result"], ApiError>> {
    const answer = this.#last.then(() => this.#ask(index, method, params));
    this.#last = answer;
    return answer;
  }

  /** What it was made from is not to be relied on: the next question begins anew. */
  forget(): void {
    void this.#drop();
  }

  /** Ends the store, and with it what is being asked. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#drop();
    await this.#last;
  }

  async #ask<M extends PastQuestion>(
    index: LogIndex,
    method: M,
    params: StoreMethods[M]["params"],
  ): Promise<Result<StoreMethods[M]["result"], ApiError>> {
    this.#idle?.cancel();
    this.#idle = null;
    if (this.#isClosed) return err(stopped());
    try {
      const failure = await this.#reach(index);
      if (failure !== null) {
        await this.#drop();
        return err(failure);
      }
      return ok(await defined(this.#store, "it stands somewhere").call(method, params));
    } catch (reason) {
      // The port rejects when the thread ended: by a limit, or for want of memory.
      this.#options.logger.warn("past-store-lost", { reason: String(reason) });
      await this.#drop();
      return err(this.#isClosed ? stopped() : noRoom());
    } finally {
      if (!this.#isClosed) {
        this.#idle = this.#options.clock.after(IDLE_MS, () => void this.#drop());
      }
    }
  }

  /** Brings the store to a position. @returns why it cannot be. */
  async #reach(index: LogIndex): Promise<ApiError | null> {
    if (this.#at === index) return null;
    const from = this.readableFrom;
    const isForward = this.#at !== null && this.#at < index && this.#isNearest(this.#at, index);
    if (!isForward) {
      if (from === null || index < from) return notKept(this.#options, index);
      const failure = await this.#load(index);
      if (failure !== null) return failure;
    }
    return this.#replay(index);
  }

  /** Whether going on is shorter than beginning at a snapshot, and possible. */
  #isNearest(at: LogIndex, index: LogIndex): boolean {
    const { files, log } = this.#options;
    const isBetween = files.kept.some(
      ({ mark }) => mark.position.index > at && mark.position.index <= index,
    );
    return !isBetween && at + 1 >= log.firstIndex;
  }

  async #load(index: LogIndex): Promise<ApiError | null> {
    this.#at = null;
    const loaded = await loadBefore(this.#options, index, () => this.#opened());
    if (!loaded.ok) return loaded.error;
    this.#at = loaded.value;
    this.#options.logger.info("past-opened", { from: loaded.value, to: index });
    return null;
  }

  async #replay(to: LogIndex): Promise<ApiError | null> {
    const from = defined(this.#at, "it was loaded");
    this.#at = null;
    const failure = await replay(this.#options, this.#opened(), { from, to });
    if (failure === null) this.#at = to;
    return failure;
  }

  #opened(): Store {
    if (this.#store !== null) return this.#store;
    const store = this.#options.openStore(() => {
      // What a query took with it is made anew for the next one.
      if (this.#store === store) void this.#drop();
    });
    this.#store = store;
    return store;
  }

  async #drop(): Promise<void> {
    this.#idle?.cancel();
    this.#idle = null;
    const store = this.#store;
    this.#store = null;
    this.#at = null;
    await store?.close();
  }
}

function stopped(): ApiError {
  return { code: "busy", message: "This computer is shutting down." };
}
