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
  #running: Promise<void> | null = null;

  constructor(options: StoreRecoveryOptions) {
    this.#options = options;
  }

  /** Runs once at a time; a second caller waits for the first. */
  run(): Promise<void> {
    this.#running ??= this.#recover().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #recover(): Promise<void> {
    const { applier, logger, store } = this.#options;
    await applier.suspend();
    const image = await this.#newestImage();
    const loaded = await store.call("load", { image });
    assert(loaded.ok, "a verified snapshot loads");
    applier.resume(loaded.value, loaded.value.applied.index);
    logger.info("store-refilled", { from: loaded.value.applied.index });
  }

  async #newestImage(): Promise<Uint8Array | null> {
    const latest = await this.#options.snapshots.read();
    return latest.ok && latest.value !== null ? latest.value.image : null;
  }
}
