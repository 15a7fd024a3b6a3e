/**
 * What this member's database should be: a scratch store, led to its position by a snapshot and the log, and proven by
 * the checksums. Rows may have been wrong already when the newest snapshot was made, so older ones are tried as well:
 * what counts is that all rows come to the rolling checksums.
 */
import type { ApiError } from "../../../shared/api/methods.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { StoreMethods, VerifyOutcome } from "../../store-worker/messages.ts";
import type { Logger, Ports, Store } from "../ports.ts";
import { loadBefore, noRoom, replay, type ReplaySources } from "./scratch-replay.ts";

/** What a reference is made with. */
export type ReferenceOptions = ReplaySources & {
  readonly openStore: Ports["openScratchStore"];
  readonly logger: Logger;
};

/** One at a time; `close` gives its memory back. */
export class CopyReference {
  readonly #options: ReferenceOptions;
  #store: Store | null = null;
  #isClosed = false;
  #at: LogIndex = logIndex(0);
  #base: LogIndex = logIndex(0);

  constructor(options: ReferenceOptions) {
    this.#options = options;
  }

  /** Where the snapshot stands that it was made from; 0: the empty database. */
  get base(): LogIndex {
    return this.#base;
  }

  /** @returns whether there is one: false when nothing that is kept here leads to these checksums. */
  async prove(wanted: VerifyOutcome): Promise<Result<boolean, ApiError>> {
    const to = wanted.position.applied.index;
    for (let upTo = to; ;) {
      const led = await this.#leadTo(upTo, to);
      if (!led.ok) return led.error.code === "too-old" ? ok(false) : led;
      const proof = led.value ? await this.ask("verify", {}) : null;
      if (proof?.ok === false) return proof;
      if (proof !== null && isProof(proof.value, wanted)) return ok(true);
      this.#options.logger.warn("image-differs", { base: this.#base, index: to });
      if (this.#base === 0) return ok(false);
      upTo = logIndex(this.#base - 1);
    }
  }

  /** Goes on by the log. @returns why it cannot, or null. */
  async goOn(to: LogIndex): Promise<ApiError | null> {
    const store = this.#store;
    if (store === null) return noRoom();
    try {
      const failure = await replay(this.#options, store, { from: this.#at, to });
      if (failure === null) this.#at = to;
      return failure;
    } catch (reason) {
      return this.#lost(reason);
    }
  }

  async ask<M extends keyof StoreMethods>(
    method: M,
    params: StoreMethods[M]["params"],
  ): Promise<Result<StoreMethods[M]["result"], ApiError>> {
    try {
      return this.#store === null ? err(noRoom()) : ok(await this.#store.call(method, params));
    } catch (reason) {
      return err(this.#lost(reason));
    }
  }

  /** Ends it, and what is being asked of it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#drop();
  }

  /** Begins at the newest snapshot up to an index. @returns false when the log does not fit to it. */
  async #leadTo(upTo: LogIndex, to: LogIndex): Promise<Result<boolean, ApiError>> {
    await this.#drop();
    try {
      const loaded = await loadBefore(this.#options, upTo, () => this.#open());
      if (!loaded.ok) return loaded;
      this.#base = this.#at = loaded.value;
    } catch (reason) {
      return err(this.#lost(reason));
    }
    const failure = await this.goOn(to);
    if (failure === null) return ok(true);
    return failure.code === "diverged" ? ok(false) : err(failure);
  }

  async #drop(): Promise<void> {
    const store = this.#store;
    this.#store = null;
    await store?.close();
  }

  #open(): Store {
    if (this.#isClosed) throw new Error("the reference was closed");
    this.#store = this.#options.openStore(() => undefined);
    return this.#store;
  }

  /** The port rejects when the thread ended: for want of memory, or because it was closed. */
  #lost(reason: unknown): ApiError {
    this.#options.logger.warn("reference-lost", { reason: String(reason) });
    return noRoom();
  }
}

/** Whether its rows come to its own checksums, and these are the ones that are wanted. */
function isProof(proof: VerifyOutcome, wanted: VerifyOutcome): boolean {
  const rolling = new Map(wanted.tables.map((table) => [table.name, table.rolling]));
  return (
    proof.recomputed === wanted.position.checksum &&
    proof.tables.every(({ name, recomputed }) => recomputed === (rolling.get(name) ?? NO_ROWS))
  );
}

const NO_ROWS = "0".repeat(16);
