import { assert } from "../../../shared/base/assert.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { Logger, Store } from "../ports.ts";
import type { Applier } from "./applier.ts";

type StoreRecoveryOptions = {
  readonly store: Store;
  readonly snapshots: SnapshotFiles;
  readonly applier: Applier;
  readonly logger: Logger;
};

/**
 * Fills an empty store again: the newest snapshot; the applier then reads the log from there. The
 * database is a projection, so losing it costs time and nothing else.
 */
export class StoreRecovery {
  readonly #options: StoreRecoveryOptions;
  /** Replacing the database is one thing at a time: refills, and snapshots of the leader. */
  #last: Promise<void> = Promise.resolve();
  /** A refill that has not begun: it serves everybody who asks meanwhile. */
  #waiting: Promise<void> | null = null;

  constructor(options: StoreRecoveryOptions) {
    this.#options = options;
  }

  /** The store lost its content at this moment: fills it, after what replaces it now. */
  run(): Promise<void> {
    this.#options.applier.lost();
    this.#waiting ??= this.exclusively(() => {
      this.#waiting = null;
      return this.#recover();
    });
    return this.#waiting;
  }

  /** Runs work that replaces the whole database while nothing else does. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.then(
      () => undefined,
      // Its caller hears of the failure; the next one in the queue has nothing to do with it.
      () => undefined,
    );
    return result;
  }

  async #recover(): Promise<void> {
    const { applier, logger, store } = this.#options;
    // Said when it was asked for; the refill before this one may have ended since.
    applier.lost();
    await applier.suspend();
    const image = await this.#newestImage();
    const loaded = await store.call("load", { image }).catch(() => null);
    // Restarted again: that asked for a refill of its own. Closed: nobody needs one.
    if (loaded === null) return;
    assert(loaded.ok, "a verified snapshot loads");
    applier.resume(loaded.value, loaded.value.applied.index);
    logger.info("store-refilled", { from: loaded.value.applied.index });
  }

  async #newestImage(): Promise<Uint8Array | null> {
    const latest = await this.#options.snapshots.read();
    return latest.ok && latest.value !== null ? latest.value.image : null;
  }
}
