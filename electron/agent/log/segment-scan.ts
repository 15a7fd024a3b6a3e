/**
 * Reads one segment's bytes and says how far they are good, and whether what follows is a torn
 * write or damage. It opens no file and repairs nothing.
 *
 * A write that was under way when the power failed may have left any subset of its bytes. It
 * was never acknowledged, so its records may go. All batches before it had been synced. So a bad
 * record is damage exactly if a valid record of a *later* batch follows it; the place in its
 * batch, stored in every record, tells. A flaw in the very last batch looks the same either way;
 * there the commit hint decides (log-open.ts).
 */
import { bytesEqual } from "../../../shared/base/bytes.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { Position } from "../../../shared/base/ids.ts";
import { OffsetTable } from "./offset-table.ts";
import {
  SEGMENT_HEADER_BYTES,
  decodeRecord,
  decodeSegmentHeader,
  isOfLaterVersion,
  provesDurable,
} from "./record-format.ts";
import type { SegmentHeader } from "./record-format.ts";

/** A segment's good part. */
export type SegmentScan = {
  readonly header: SegmentHeader;
  readonly offsets: OffsetTable;
  /** Where each term begins, ascending. */
  readonly termStarts: readonly Position[];
  readonly last: Position;
  readonly lastHash: Uint8Array;
  /** The chained hashes at those of the indexes asked for that are in here. */
  readonly askedHashes: ReadonlyMap<number, Uint8Array>;
  /** End of the last good record. */
  readonly goodBytes: number;
  /**
   * What follows: nothing, a torn write, or damage. A caller that knows of later segments takes
   * `torn` for damage too. `too-new`: a whole record of a kind this program does not know.
   */
  readonly tail: "clean" | "torn" | "damaged" | "too-new";
};

/** The header was not usable. `torn`: the creation of the file was interrupted. */
export type HeaderFault = "torn" | "damaged" | "too-new";

/**
 * @param firstIndex As the file's name has it.
 * @param hashesAskedAt See `askedHashes`.
 */
export function scanSegment(
  bytes: Uint8Array,
  firstIndex: number,
  hashesAskedAt: readonly number[] = [],
): SegmentScan | HeaderFault {
  const header = decodeSegmentHeader(bytes);
  if (header === "too-new") return header;
  if (header === "damaged") return headerFault(bytes, firstIndex);
  if (header.previous.index + 1 !== firstIndex) return "damaged";
  const offsets = new OffsetTable();
  const termStarts: Position[] = [];
  let last = header.previous;
  let lastHash = header.previousHash;
  const askedHashes = new Map<number, Uint8Array>();
  if (hashesAskedAt.includes(last.index)) askedHashes.set(last.index, lastHash);
  let at = SEGMENT_HEADER_BYTES;
  while (at < bytes.length) {
    const record = decodeRecord(bytes, at);
    if (record === null || !follows(record, last, lastHash)) break;
    offsets.push(at);
    const { term, index } = record.entry;
    if (term > last.term || offsets.count === 1) termStarts.push({ term, index });
    last = { term, index };
    lastHash = record.hash;
    if (hashesAskedAt.includes(index)) askedHashes.set(index, lastHash);
    at += record.sizeBytes;
  }
  const tail = tailKind(bytes, at, last);
  lastHash = lastHash.slice();
  return { header, offsets, termStarts, last, lastHash, askedHashes, goodBytes: at, tail };
}

function follows(
  record: NonNullable<ReturnType<typeof decodeRecord>>,
  last: Position,
  lastHash: Uint8Array,
): boolean {
  const { term, index } = record.entry;
  return index === last.index + 1 && term >= last.term && bytesEqual(record.previousHash, lastHash);
}

function tailKind(bytes: Uint8Array, at: number, last: Position): SegmentScan["tail"] {
  if (at === bytes.length) return "clean";
  if (isOfLaterVersion(bytes, at)) return "too-new";
  // A valid record in the wrong place was not left by a torn write of ours.
  if (decodeRecord(bytes, at) !== null) return "damaged";
  return provesDurable(bytes, at, logIndex(last.index + 1)) ? "damaged" : "torn";
}

/** Header and name were synced before the first record was written: behind a torn one there is none. */
function headerFault(bytes: Uint8Array, firstIndex: number): HeaderFault {
  if (decodeRecord(bytes, SEGMENT_HEADER_BYTES) !== null) return "damaged";
  return provesDurable(bytes, 0, logIndex(firstIndex)) ? "damaged" : "torn";
}
