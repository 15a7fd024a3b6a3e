/**
 * Opens what a replication log consists of: its segments and the files it writes to, or, of a
 * damaged log, what can still be read. replication-log.ts makes a log of it.
 */
import { defined } from "../../../shared/base/assert.ts";
import { POSITION_ZERO, logIndex, term } from "../../../shared/base/ids.ts";
import type { LogIndex, Position } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { HardState } from "../../../shared/raft/types.ts";
import type { DiskError } from "../ports.ts";
import { COMMIT_HINT_NAME, CommitHintFile } from "./commit-hint.ts";
import type { DamageReport } from "./damage.ts";
import { DiskReserve, RESERVE_BYTES_MAX, RESERVE_BYTES_MIN } from "./disk-reserve.ts";
import { joinPath } from "./folders.ts";
import type { HardStateFiles } from "./hard-state-files.ts";
import { inspectLog } from "./inspect-log.ts";
import type { LogLoadError, LogOpenError } from "./log-error.ts";
import { loadLog } from "./log-open.ts";
import { SEGMENT_BYTES_MAX } from "./log-options.ts";
import type { LogOptions, OpenedState, SalvagedState } from "./log-options.ts";
import type { LogPlace } from "./log-place.ts";
import { openSalvage } from "./log-salvage.ts";
import type { Segment } from "./segment.ts";

/** What a log begins with. */
export type LogParts = {
  /** At least one. */
  readonly segments: readonly Segment[];
  /** The position before the first entry. */
  readonly base: Position;
  /** Where each term begins. */
  readonly termStarts: readonly Position[];
  readonly last: Position;
  readonly lastHash: Uint8Array;
  readonly commitIndex: LogIndex;
  /** What is written to besides the segments; null when the log is only read. */
  readonly files: {
    readonly hardState: HardStateFiles;
    readonly hint: CommitHintFile;
    readonly reserve: DiskReserve;
  } | null;
};

/** A log to write to, but for the object. */
export type OpenedParts = OpenedState & { readonly parts: LogParts };

/** A log to read, but for the object. */
export type SalvagedParts = SalvagedState & { readonly parts: LogParts };

/** The options that say where a log is. */
export type LogPlaceOptions = Pick<
  LogOptions,
  "disk" | "folder" | "self" | "wallMs" | "covered" | "snapshotIndex"
>;

/** Where a log with these options is. */
export function placeOf(options: LogPlaceOptions): LogPlace {
  const { disk, folder, self = null, wallMs = null } = options;
  const { covered = null, snapshotIndex = null } = options;
  return { disk, folder, self, wallMs, covered, snapshotIndex };
}

/** Opens a whole log; see `ReplicationLog.open`. */
export async function openParts(options: LogOptions): Promise<Result<OpenedParts, LogOpenError>> {
  const { disk, folder, logger } = options;
  const place = placeOf(options);
  const loaded = await loadLog(place);
  if (!loaded.ok) {
    logger.warn("log-open-failed", { ...loaded.error });
    return withDamage(place, loaded.error);
  }
  const { hardState, base, segments, report } = loaded.value;
  const commitIndex = logIndex(loaded.value.commitIndex);
  const hintFile = await disk.open(joinPath(folder, COMMIT_HINT_NAME));
  if (!hintFile.ok) {
    for (const segment of segments) await segment.close();
    await hardState.close();
    return hintFile;
  }
  const generation = defined(segments[0], "a log has a segment").header.generation;
  const hint = new CommitHintFile(hintFile.value, { generation, index: commitIndex, hash: null });
  if (report.tornBytes > 0) logger.warn("log-tail-cut", { ...report });
  if (report.coveredDamage !== null) logger.warn("log-damage-covered", { ...report });
  const reserve = await DiskReserve.open(disk, folder, reserveBytes(options));
  // A snapshot's term may have come to the disk just before the hard state did. Nothing was
  // voted in that term, or the hard state would say so.
  const { state, stored } = hardState;
  const isOlder = state.term < base.term;
  return ok({
    parts: { ...loaded.value, commitIndex, files: { hardState, hint, reserve } },
    hardState: isOlder ? { ...state, term: base.term, votedFor: null } : state,
    storedIncarnation: stored,
    commitIndex,
    report,
  });
}

/** Opens what can be read; see `ReplicationLog.openSalvage`. */
export async function salvageParts(options: LogOptions): Promise<Result<SalvagedParts, DiskError>> {
  const place = placeOf(options);
  const inspected = await inspectLog(place);
  if (!inspected.ok) return inspected;
  const opened = await openSalvage(place, inspected.value);
  if (!opened.ok) return opened;
  const { last } = opened.value;
  const commitIndex = logIndex(opened.value.commitIndex);
  const stored = inspected.value.hardState.newest?.numbered.state.term ?? 0;
  const hardState: HardState = {
    term: term(Math.max(stored, last.term)),
    votedFor: null,
    incarnation: null,
  };
  const parts = { ...opened.value, commitIndex, files: null };
  return ok({ parts, hardState, commitIndex, damage: inspected.value.damage });
}

/** What is damaged is looked at as a whole: whoever has to decide needs all of it. */
async function withDamage(
  place: LogPlace,
  error: LogLoadError,
): Promise<Result<never, LogOpenError>> {
  if (error.code !== "log-damaged") return err(error);
  const { code, detail, file, offset } = error;
  const inspected = await inspectLog(place);
  if (!inspected.ok) return inspected;
  const damage = inspected.value.damage ?? missingLog(file);
  return err({ code, detail, file, offset, damage });
}

/** Nothing is there that could be wrong. */
function missingLog(file: string): DamageReport {
  const range = { cause: "missing-file", fromByte: 0, toByte: 0 } as const;
  return {
    ranges: [{ ...range, file, firstIndex: logIndex(1), lastIndex: null }],
    goodPrefix: { base: POSITION_ZERO, last: POSITION_ZERO },
    highestIndex: logIndex(0),
    isHardStateGood: true,
  };
}

function reserveBytes(options: LogOptions): number {
  const segmentBytes = options.segmentBytesMax ?? SEGMENT_BYTES_MAX;
  return Math.min(RESERVE_BYTES_MAX, Math.max(RESERVE_BYTES_MIN, Math.floor(segmentBytes / 8)));
}
