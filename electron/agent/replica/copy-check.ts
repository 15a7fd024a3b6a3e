/**
 * Whether this member's database is what its log says, which rows are not, and putting them right.
 *
 * The log is the truth for this member alone: whether that log is the workspace's is what the leader's checksum says,
 * where it is heard. A repair writes to this database and nowhere else, and counts only when the checksums recomputed
 * from all rows are the log's again.
 *
 * Rows that are wrong stay wrong while entries are applied: one that changed them would not fit, and nothing more would
 * be applied. So what is found at one position is found at the next, and the database stands still only while it is
 * compared and written.
 */
import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import type { CopyFinding, CopyRepair, Verification } from "../../../shared/api/copy.ts";
import { assert } from "../../../shared/base/assert.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { TRANSACTION_BYTES_MAX } from "../../../shared/changes/limits.ts";
import type { RowChange } from "../../../shared/changes/row-change.ts";
import type { StorePosition, VerifyOutcome } from "../../store-worker/messages.ts";
import type { Store } from "../ports.ts";
import { askStore } from "./ask-store.ts";
import type { Applier } from "./applier.ts";
import { compareCopy, type Comparison, type KeptMax } from "./copy-compare.ts";
import { CopyReference, type ReferenceOptions } from "./copy-reference.ts";
import type { Leadership } from "./leadership.ts";
import type { PastState } from "./past-state.ts";
import type { Reader } from "./reader.ts";
import type { Snapshotter } from "./snapshotter.ts";
import type { StorageState } from "./storage-state.ts";
import type { StoreRecovery } from "./store-recovery.ts";

type CopyCheckOptions = ReferenceOptions & {
  readonly store: Store;
  readonly applier: Pick<Applier, "position" | "resume" | "whilePaused">;
  readonly leadership: Pick<Leadership, "whileHeld">;
  readonly reader: Pick<Reader, "waitUntilLoaded">;
  readonly recovery: Pick<StoreRecovery, "exclusively" | "run">;
  readonly snapshotter: Pick<Snapshotter, "whileHeld" | "renew">;
  readonly pastState: Pick<PastState, "forget">;
  readonly storage: Pick<StorageState, "shown">;
  /** Whether this member leads: then nobody else's checksum is there to compare with. */
  readonly isLeader: () => boolean;
  readonly leaderChecksum: (index: LogIndex) => Promise<string | null>;
  /** The rows are the log's again; grids must read them anew. */
  readonly onRepaired: (index: LogIndex) => void;
};

const ROWS_DEFAULT = 100;
/** Rows of an answer come to no more than this, in the bytes of their values. */
const LISTED_BYTES_MAX = 4 * 1024 * 1024;
/** What is written row by row is sent to the store in one call; what is more is made anew as a whole. */
const REPAIR_MAX: KeptMax = { rowsMax: Infinity, bytesMax: TRANSACTION_BYTES_MAX };

type Verified = { readonly outcome: VerifyOutcome; readonly verification: Verification };
type Found = { readonly comparison: Comparison; readonly position: StorePosition };

/** One at a time: each needs a second database in memory. */
export class CopyCheck {
  readonly #options: CopyCheckOptions;
  #reference: CopyReference | null = null;
  #isClosed = false;

  constructor(options: CopyCheckOptions) {
    this.#options = options;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reference?.close();
  }

  async verify(): Promise<Result<ApiResult<"verify">, ApiError>> {
    const verified = await this.#verified();
    return verified.ok ? ok(verified.value.verification) : verified;
  }

  async verifyRows({
    rowsMax = ROWS_DEFAULT,
  }: ApiParams<"verifyRows">): Promise<Result<ApiResult<"verifyRows">, ApiError>> {
    const verified = await this.#verified();
    if (!verified.ok) return verified;
    const { outcome, verification } = verified.value;
    if (isSound(outcome)) {
      return ok({ verification, finding: findingOf(verification, null), differences: null });
    }
    return this.#withReference((reference) => this.#list(reference, verified.value, rowsMax));
  }

  async repairCopy(): Promise<Result<ApiResult<"repairCopy">, ApiError>> {
    const verified = await this.#verified();
    if (!verified.ok) return verified;
    const { outcome, verification } = verified.value;
    const finding = findingOf(verification, null);
    if (finding === "log-differs" || isSound(outcome)) {
      return ok({ done: "nothing", finding, verification });
    }
    const { snapshotter } = this.#options;
    const repaired = await this.#withReference((reference) =>
      snapshotter.whileHeld(() => this.#repair(reference, verified.value)),
    );
    if (!repaired.ok) return repaired;
    await snapshotter.renew();
    const after = await this.#verified();
    return after.ok ? ok({ ...repaired.value, verification: after.value.verification }) : after;
  }

  async #list(
    reference: CopyReference,
    { outcome, verification }: Verified,
    rowsMax: number,
  ): Promise<Result<ApiResult<"verifyRows">, ApiError>> {
    const proven = await reference.prove(outcome);
    if (!proven.ok) return proven;
    if (!proven.value) {
      return ok({ verification, finding: findingOf(verification, null), differences: null });
    }
    const max = { rowsMax, bytesMax: LISTED_BYTES_MAX };
    const found = await this.#atRest((at) => this.#compare(reference, { outcome, at, max }));
    if (!found.ok) return found;
    const { comparison, position } = found.value;
    const rows = await this.#readRows(comparison.changes, rowsMax);
    if (!rows.ok) return rows;
    const differences = { ...told(comparison, position), rows: rows.value };
    return ok({ verification, finding: findingOf(verification, comparison), differences });
  }

  async #repair(
    reference: CopyReference,
    { outcome, verification }: Verified,
  ): Promise<Result<CopyRepair & { readonly finding: CopyFinding }, ApiError>> {
    const { files, leadership, logger, pastState } = this.#options;
    const proven = await reference.prove(outcome);
    if (!proven.ok) return proven;
    if (!proven.value) return ok({ done: "nothing", finding: findingOf(verification, null) });
    const outcomeOf = await leadership.whileHeld(() =>
      this.#atRest(async (at) => {
        const found = await this.#compare(reference, { outcome, at, max: REPAIR_MAX });
        if (!found.ok) return found;
        const { comparison } = found.value;
        const finding = findingOf(verification, comparison);
        const written =
          finding === "tables-differ"
            ? await this.#writeAll(reference, found.value)
            : await this.#writeRows(found.value);
        return written.ok ? ok({ ...written.value, finding }) : written;
      }),
    );
    if (!outcomeOf.ok || !("differences" in outcomeOf.value)) return outcomeOf;
    // Those that were tried before this base hold the damage: the next start would bring it back.
    const { index: repairedAt } = outcomeOf.value.differences;
    const asideCount = await files.distrust((at) => at > reference.base && at <= repairedAt);
    if (asideCount > 0) pastState.forget();
    logger.info("copy-repaired", { done: outcomeOf.value.done, index: repairedAt, asideCount });
    return outcomeOf;
  }

  async #compare(
    reference: CopyReference,
    { outcome, at, max }: { outcome: VerifyOutcome; at: StorePosition; max: KeptMax },
  ): Promise<Result<Found, ApiError>> {
    const stores = { store: this.#options.store, reference };
    const { index } = at.applied;
    const compared = await compareCopy(stores, { verified: outcome, index, max });
    if (!compared.ok) return compared;
    // Refilled meanwhile: pieces of two databases were compared.
    if (!isSame(this.#options.applier.position, at)) return err(busy());
    return ok({ comparison: compared.value, position: at });
  }

  async #writeRows({ comparison, position }: Found): Promise<Result<CopyRepair, ApiError>> {
    const { changes, wantedCounters } = comparison;
    const asked = await askStore(this.#options.store, "repairRows", {
      applied: position.applied,
      changes,
      counters: wantedCounters,
    });
    if (!asked.ok) return asked;
    const outcome = asked.value;
    if (outcome.type === "moved") return err(busy());
    if (outcome.type === "not-proven") return ok({ done: "rolled-back", detail: outcome.detail });
    this.#repaired(position);
    return ok({ done: "rows", differences: told(comparison, position) });
  }

  /** The reference takes the database's place: it was proven, and stands at the same position. */
  async #writeAll(
    reference: CopyReference,
    { comparison, position }: Found,
  ): Promise<Result<CopyRepair, ApiError>> {
    const { recovery, store, applier } = this.#options;
    const made = await reference.ask("image", {});
    if (!made.ok) return made;
    const { image } = made.value;
    return recovery.exclusively(async () => {
      // Refilled meanwhile, or about to be: then from snapshot and log.
      if (!isSame(applier.position, position)) return err(busy());
      const loaded = await askStore(store, "load", { image });
      if (!loaded.ok || !loaded.value.ok) {
        void recovery.run();
        return err(busy());
      }
      assert(isSame(loaded.value.value, position), "the reference stands where the database stood");
      this.#repaired(position);
      return ok({ done: "all", differences: told(comparison, position) });
    });
  }

  #repaired(position: StorePosition): void {
    const { applier, storage, onRepaired } = this.#options;
    const { index } = position.applied;
    // An entry did not fit, and nothing more was applied: it may fit now.
    const isStopped = storage.shown.state === "diverged" && isSame(applier.position, position);
    if (isStopped) applier.resume(position, index);
    onRepaired(index);
  }

  /** Lets nothing be applied while `work` runs. */
  #atRest<T>(work: (at: StorePosition) => Promise<T>): Promise<T> {
    const { applier } = this.#options;
    return applier.whilePaused(() => work(applier.position));
  }

  async #withReference<T>(
    work: (reference: CopyReference) => Promise<Result<T, ApiError>>,
  ): Promise<Result<T, ApiError>> {
    if (this.#reference !== null || this.#isClosed) return err(busy());
    const reference = new CopyReference(this.#options);
    this.#reference = reference;
    try {
      return await work(reference);
    } finally {
      this.#reference = null;
      await reference.close();
    }
  }

  async #readRows(
    changes: readonly Uint8Array[],
    rowsMax: number,
  ): Promise<Result<readonly RowChange[], ApiError>> {
    const rows: RowChange[] = [];
    for (const payload of changes) {
      const asked = { payload, skip: 0, rowsMax: rowsMax - rows.length };
      const read = await askStore(this.#options.store, "rowChanges", asked);
      if (!read.ok) return read;
      assert(read.value.ok, "a comparison gives payloads");
      rows.push(...read.value.value.changes);
    }
    return ok(rows);
  }

  async #verified(): Promise<Result<Verified, ApiError>> {
    const { reader, store, leaderChecksum, isLeader } = this.#options;
    const loading = await reader.waitUntilLoaded();
    if (loading !== null) return err(loading);
    const asked = await askStore(store, "verify", {});
    if (!asked.ok) return asked;
    const outcome = asked.value;
    const { applied, checksum } = outcome.position;
    const leader = await leaderChecksum(applied.index);
    const isEqual = leader === null || leader === checksum;
    const verification: Verification = {
      isIdentical: checksum === outcome.recomputed && isEqual,
      comparedWith: leader === null || isLeader() ? "own-log" : "leader",
      index: applied.index,
      rolling: checksum,
      recomputed: outcome.recomputed,
      tables: outcome.tables,
      leader,
    };
    return ok({ outcome, verification });
  }
}

function isSound({ tables, position, recomputed }: VerifyOutcome): boolean {
  return (
    recomputed === position.checksum && tables.every((each) => each.rolling === each.recomputed)
  );
}

/** @param comparison null: nothing differs, or nothing leads to what the log says. */
function findingOf(
  { leader, rolling, recomputed, tables }: Verification,
  comparison: Comparison | null,
): CopyFinding {
  if (leader !== null && leader !== rolling) return "log-differs";
  const wrong = tables.filter((each) => each.rolling !== each.recomputed);
  if (wrong.length === 0 && rolling === recomputed) return "sound";
  if (comparison === null) return "no-proof";
  const isSchema = comparison.objects.length > 0 || wrong.some(({ name }) => name === SCHEMA_NAME);
  return isSchema || comparison.bytes > REPAIR_BYTES_MAX ? "tables-differ" : "rows-differ";
}

const SCHEMA_NAME = "sqlite_schema";
/** Half of what fits: each payload names its tables again. */
const REPAIR_BYTES_MAX = TRANSACTION_BYTES_MAX / 2;

function told(
  { tables, objects, counters }: Comparison,
  { applied }: StorePosition,
): Extract<CopyRepair, { done: "rows" }>["differences"] {
  return { index: applied.index, tables, objects, counters };
}

function isSame(a: StorePosition, b: StorePosition): boolean {
  return a.applied.index === b.applied.index && a.applied.term === b.applied.term;
}

function busy(): ApiError {
  const message =
    "The database is being checked, or was replaced, while it was looked at. Nothing was changed; try again.";
  return { code: "busy", message };
}
