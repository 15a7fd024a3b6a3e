/**
 * Opens the good part of a damaged log for reading, and changes nothing on the disk. For a member
 * that has nobody to fetch the whole from: its data can still be read, exported and backed up.
 */
import { POSITION_ZERO } from "../../../shared/base/ids.ts";
import type { Position } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { DiskError, DiskFile } from "../ports.ts";
import { joinPath } from "./folders.ts";
import type { LogInspection } from "./inspect-log.ts";
import { newSegmentHeader } from "./log-place.ts";
import type { LogPlace } from "./log-place.ts";
import { CHAIN_HASH_ZERO } from "./record-format.ts";
import { Segment } from "./segment.ts";

/** What every change of a log that is only read is answered with. */
export const ONLY_READ: DiskError = {
  code: "not-writable",
  detail: "the log is damaged and is only read",
};

/** As `LoadedLog`, without what is written to. */
export type SalvagedSegments = {
  /** At least one. */
  readonly segments: readonly Segment[];
  readonly base: Position;
  readonly termStarts: readonly Position[];
  readonly last: Position;
  readonly lastHash: Uint8Array;
  readonly commitIndex: number;
};

/** Opens what an inspection found good. */
export async function openSalvage(
  place: LogPlace,
  inspection: LogInspection,
): Promise<Result<SalvagedSegments, DiskError>> {
  const { good, hint } = inspection;
  const first = good[0];
  const end = good.at(-1);
  if (first === undefined || end === undefined || isOutrun(place, end.scan.last.index)) {
    return ok(nothing(place));
  }
  const segments: Segment[] = [];
  for (const { name, scan } of good) {
    const path = joinPath(place.folder, name.name);
    const opened = await place.disk.open(path);
    if (!opened.ok) {
      for (const segment of segments) await segment.close();
      return opened;
    }
    segments.push(new Segment(path, scan.header, opened.value, scan));
  }
  const base = first.scan.header.previous;
  const isHinted = hint !== null && hint.generation === first.name.generation;
  return ok({
    segments,
    base,
    termStarts: good.flatMap(({ scan }) => scan.termStarts),
    last: end.scan.last,
    lastHash: end.scan.lastHash,
    commitIndex: isHinted
      ? Math.max(base.index, Math.min(hint.index, end.scan.last.index))
      : base.index,
  });
}

/** Whether the snapshot holds everything that can be read of the log, and more. */
function isOutrun({ covered }: LogPlace, lastIndex: number): boolean {
  return covered !== null && covered.position.index > lastIndex;
}

/** An empty log, behind the snapshot if there is one. */
function nothing(place: LogPlace): SalvagedSegments {
  const base = place.covered?.position ?? POSITION_ZERO;
  const previousHash = place.covered?.chainHash ?? CHAIN_HASH_ZERO;
  const header = newSegmentHeader(place, { generation: 1, previous: base, previousHash });
  return {
    segments: [new Segment(place.folder, header, NOTHING)],
    base,
    termStarts: [],
    last: base,
    lastHash: previousHash,
    commitIndex: base.index,
  };
}

const refuse = (): Promise<Result<never, DiskError>> => Promise.resolve(err(ONLY_READ));

/** Stands in for the segment that a log always has. */
const NOTHING: DiskFile = {
  sizeBytes: 0,
  append: refuse,
  overwrite: refuse,
  truncate: refuse,
  sync: refuse,
  read: () => Promise.resolve(ok(new Uint8Array(0))),
  readNow: () => new Uint8Array(0),
  close: () => Promise.resolve(),
};
