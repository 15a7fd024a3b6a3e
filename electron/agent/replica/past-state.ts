/**
 * A former state of the whole database, in a store of its own beside the present one: the newest snapshot at or
 * before it, and the log from there on. It is made when somebody asks, serves one position at a time, and gives its
 * memory back when nobody has asked for a while.
 *
 * Only forward: the log holds rows before and after, so one could also go back from the present, but not over a
 * change of the schema, and with other counters. What the log leads to is what was there.
 */
import type { ApiError } from "../../../shared/api/methods.ts";
import { assert, defined } from "../../../shared/base/assert.ts";
import { logIndex, POSITION_ZERO } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { LogView } from "../../../shared/raft/types.ts";
import type { StoreMethods } from "../../store-worker/messages.ts";
import { readableFrom } from "../log/kept-snapshots.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { Clock, Logger, Ports, Store, Timer } from "../ports.ts";
import { toCommitted } from "./applier.ts";
import { readLog } from "./read-log.ts";

type PastStateOptions = {
  readonly log: LogView;
  readonly files: SnapshotFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly openStore: Ports["openScratchStore"];
};

/** What a former state can be asked. */
export type PastQuestion = "query" | "tables" | "outline" | "formerRows";

/** Applied at once; other work gets its turn in between. */
const PIECE_BYTES_MAX = 4 * 1024 * 1024;
/** Then the memory is given back. */
const IDLE_MS = 60_000;

/**
 * The largest image a former state is made from. It lies twice in memory while it is loaded, beside the present
 * database, and a computer that runs out of memory loses the agent and not only an answer. Measured in
 * `electron/agent/replica/DESIGN.md`.
 */
export const PAST_IMAGE_BYTES_MAX = 512 * 1024 * 1024;

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
      if (from === null || index < from) return notKept(index, from);
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
    const { files, log } = this.#options;
    const newest = files.kept.findLast(({ mark }) => mark.position.index <= index);
    if ((newest?.bodyBytes ?? 0) > PAST_IMAGE_BYTES_MAX) return tooLarge(newest?.bodyBytes ?? 0);
    const snapshot = await files.read(index);
    if (!snapshot.ok) return { code: "storage-failed", message: `${snapshot.error.detail}.` };
    const position = snapshot.value?.mark.position ?? POSITION_ZERO;
    // A damaged one was put aside: the one before it may not join the log.
    if (position.index < log.firstIndex - 1) return notKept(index, this.readableFrom);
    this.#at = null;
    const loaded = await this.#opened().call("load", { image: snapshot.value?.image ?? null });
    if (!loaded.ok) return { code: "internal", message: loaded.error.detail };
    assert(loaded.value.applied.index === position.index, "an image stands where it says");
    this.#at = position.index;
    this.#options.logger.info("past-opened", { from: position.index, to: index });
    return null;
  }

  async #replay(index: LogIndex): Promise<ApiError | null> {
    const { log } = this.#options;
    for (let at = defined(this.#at, "it was loaded"); at < index;) {
      const next = logIndex(at + 1);
      // The log may have been cut meanwhile.
      if (next < log.firstIndex) return notKept(index, this.readableFrom);
      const piece = readLog(() => ok(log.entriesFrom(next, PIECE_BYTES_MAX)));
      if (!piece.ok) return piece.error;
      const entries = piece.value.slice(0, index - at).map(toCommitted);
      this.#at = null;
      const outcome = await this.#opened().call("apply", { entries });
      if (outcome.type === "diverged") return { code: "diverged", message: outcome.detail };
      this.#at = at = outcome.position.applied.index;
    }
    return null;
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

/**
 * What is said of a state that is too far back.
 *
 * @param what E.g. "The state after entry 7".
 * @param from The oldest state that can be read; null when none can.
 * @param since Its time, as far as it is known.
 */
export function tooOld(what: string, from: LogIndex | null, since: string | null): ApiError {
  const time = since === null ? "" : ` (${since})`;
  const oldest =
    from === null
      ? "No former state can be read here yet."
      : `The oldest state that can be read here is the one after entry ${from}${time}.`;
  return { code: "too-old", message: `${what} is not kept here. ${oldest}` };
}

function notKept(index: number, from: LogIndex | null): ApiError {
  return tooOld(`The state after entry ${index}`, from, null);
}

function tooLarge(bytes: number): ApiError {
  const mebibytes = (count: number): number => Math.ceil(count / 1024 / 1024);
  const message =
    `The database of then has ${mebibytes(bytes)} MiB, and former states are opened up to ` +
    `${mebibytes(PAST_IMAGE_BYTES_MAX)} MiB, so that this computer does not run out of memory. ` +
    "History and undo work all the same.";
  return { code: "too-large", message };
}

function noRoom(): ApiError {
  const message =
    "The former state could not be held in memory beside the present one. Nothing was changed; " +
    "close other programs and try again.";
  return { code: "too-large", message };
}

function stopped(): ApiError {
  return { code: "busy", message: "This computer is shutting down." };
}
