/**
 * Makes snapshots and lets go of the log behind them.
 *
 * The log keeps a window behind the newest entry, for members that were away a while and for who
 * reads the past: so many bytes or so many days, whichever is less. It reaches back to the newest
 * snapshot before that window, because only from there the past can be read. It is never cut above
 * what this member's own store or the older of the newest two snapshots needs, and what a connected
 * member or a snapshot on its way needs is kept beyond it, up to a multiple of the window: one that
 * is there and does not move may cost disk, but not all of it.
 */
import { assert, defined } from "../../../shared/base/assert.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import type { Retention } from "../../../shared/cluster/retention.ts";
import type { Configuration } from "../../../shared/raft/types.ts";
import type { ReplicationLog } from "../log/replication-log.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { Logger, Store } from "../ports.ts";
import type { Applier } from "./applier.ts";
import type { ReplicaSettings } from "./replica-context.ts";
import type { StorageState } from "./storage-state.ts";

type SnapshotterOptions = {
  readonly store: Store;
  readonly logger: Logger;
  readonly log: ReplicationLog;
  readonly files: SnapshotFiles;
  readonly applier: Applier;
  readonly storage: StorageState;
  readonly settings: Pick<ReplicaSettings, "snapshotAfterBytes">;
  /** How much log is kept, as it is set now. */
  readonly retention: () => Retention;
  readonly configurationAt: (index: LogIndex) => Configuration;
  /** ms since 1970: what is older than the retention is let go of. */
  readonly wallMs: () => number;
  /** The lowest index whose successor somebody connected still has to get. */
  readonly lowestNeeded: () => LogIndex;
};

/** How many windows of log a member that is there and does not move may hold. */
const HELD_WINDOW_COUNT = 4;

/** After so many looks without a change a smaller log is worth a snapshot, too: the next start replays less. */
const REST_LOOK_COUNT = 10;
/** That part of what is worth one at any time, or of the last image: what is written stays in proportion. */
const REST_SHARE = 1 / 8;

/** One snapshot at a time. */
export class Snapshotter {
  readonly #options: SnapshotterOptions;
  #running: Promise<void> | null = null;
  #isClosed = false;
  #isHeld = false;
  /** Up to here the log was let go of last; only whole segments go. */
  #cutAt = 0;
  /** Where the database stood at the last look, and how many looks found it there. */
  #rest = { at: logIndex(0), lookCount: 0 };

  constructor(options: SnapshotterOptions) {
    this.#options = options;
  }

  /** Makes none and lets go of nothing while `work` runs. One at a time. */
  async whileHeld<T>(work: () => Promise<T>): Promise<T> {
    this.#isHeld = true;
    try {
      await this.#running;
      return await work();
    } finally {
      this.#isHeld = false;
    }
  }

  /** Makes one now: the newest ones were put aside. */
  renew(): Promise<void> {
    return this.#snapshot();
  }

  /**
   * Once a second: makes a snapshot when the log has grown enough, or become old enough, since the last one; when
   * nothing is going on, already for less.
   */
  async maybeSnapshot(): Promise<void> {
    const { files, log, settings, applier } = this.#options;
    const { index: applied } = applier.position.applied;
    const lookCount = this.#rest.at === applied ? this.#rest.lookCount + 1 : 0;
    this.#rest = { at: applied, lookCount };
    const latest = files.latest();
    const at = latest?.mark.position.index ?? logIndex(0);
    const bytes = log.bytesAfter(at);
    const restBytes = Math.max(settings.snapshotAfterBytes, latest?.bodyBytes ?? 0) * REST_SHARE;
    const isLong = bytes >= settings.snapshotAfterBytes;
    const isAtRest = lookCount === REST_LOOK_COUNT && bytes >= restBytes;
    const isOld = this.#lastTooOld() > at;
    if (isLong || isAtRest || isOld) await this.#snapshot();
    else if (this.#running === null) await this.#truncate();
  }

  /** Sees to it that the newest snapshot joins the kept log, so that it can be sent. */
  async forTransfer(): Promise<void> {
    const { files, log } = this.#options;
    const latest = files.latest();
    if (latest !== null && latest.mark.position.index >= log.firstIndex - 1) return;
    await this.#snapshot();
  }

  /** Waits for the one under way; no more after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  #snapshot(): Promise<void> {
    if (this.#isClosed || this.#isHeld || !this.#options.storage.isOk) return Promise.resolve();
    this.#running ??= this.#make().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #make(): Promise<void> {
    const { store, log, files, applier, logger } = this.#options;
    const latest = files.latest()?.mark.position.index ?? 0;
    if (applier.position.applied.index <= latest) return;
    const taken = await store.call("image", {}).catch(() => null);
    // The store was restarted meanwhile: the next look makes the snapshot.
    if (taken === null || this.#isClosed) return;
    const { applied, checksum } = taken.position;
    if (applied.index < log.firstIndex - 1) return;
    const written = await files.write({
      mark: { position: applied, configuration: this.#options.configurationAt(applied.index) },
      chainHash: defined(log.chainHashAt(applied.index), "the log reaches the database"),
      checksum,
      image: taken.image,
    });
    if (!written.ok) {
      logger.warn("snapshot-failed", { ...written.error });
      return;
    }
    logger.info("snapshot", { index: applied.index, bytes: taken.image.length });
    await this.#truncate();
  }

  async #truncate(): Promise<void> {
    const { log, files, lowestNeeded, storage } = this.#options;
    if (!storage.isOk || this.#isHeld) return;
    const { bytes } = this.#options.retention();
    const window = Math.max(firstIndexWithin(log, bytes) - 1, this.#lastTooOld());
    const pruned = await files.keepFor(logIndex(window));
    // With a single snapshot the whole log stays: it is what a damaged one is replaced by.
    const oldest = files.previous()?.mark.position.index ?? logIndex(0);
    if (!pruned.ok) return;
    const heldMax = firstIndexWithin(log, bytes * HELD_WINDOW_COUNT) - 1;
    const needed = Math.max(lowestNeeded(), heldMax);
    const upTo = Math.min(oldest, window, needed, this.#pastFrom(window));
    if (upTo < log.firstIndex || upTo === this.#cutAt) return;
    assert(upTo <= log.lastIndex, "only stored entries are let go");
    this.#cutAt = upTo;
    await log.truncatePrefix(logIndex(upTo));
  }

  /** From where the window can be read: the newest snapshot before it, or the empty database. */
  #pastFrom(window: number): number {
    const { log, files } = this.#options;
    const before = files.kept.findLast(({ mark }) => mark.position.index <= window);
    if (before !== undefined) return before.mark.position.index;
    // What a folder of an earlier version lacks comes with the next snapshots.
    return log.firstIndex === 1 ? 0 : Infinity;
  }

  /** The last index that is older than the retention; 0 when none is. */
  #lastTooOld(): number {
    const { log, retention, wallMs } = this.#options;
    return log.lastIndexBefore(wallMs() - retention().ms);
  }
}

/** The lowest index whose entry and all after it fit into `bytes`. */
function firstIndexWithin(log: ReplicationLog, bytes: number): number {
  let low: number = log.firstIndex;
  let high: number = log.lastIndex + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (log.bytesAfter(logIndex(middle - 1)) <= bytes) high = middle;
    else low = middle + 1;
  }
  return low;
}
