import type { MemberId, Position } from "../../../shared/base/ids.ts";
import type { Disk } from "../ports.ts";
import { ownerTag } from "./owner-tag.ts";
import { SEGMENT_OWNER_BYTES } from "./record-format.ts";
import type { SegmentHeader } from "./record-format.ts";

/** Where a log is, whose it is, and by which clock its files are dated. */
export type LogPlace = {
  readonly disk: Disk;
  readonly folder: string;
  /** null: nobody in particular; then files of other members are not recognised. */
  readonly self: MemberId | null;
  /** ms since 1970; null: files are not dated. */
  readonly wallMs: (() => number) | null;
  /** The newest whole snapshot of this member: what is damaged before it is not needed any more. */
  readonly covered: CoveredLog | null;
  /**
   * Up to where the newest whole snapshot reaches, 0 without one: of a log that begins later
   * nothing can be used. null: nobody looked at the snapshots.
   */
  readonly snapshotIndex: number | null;
};

/** Up to where a whole snapshot stands in for the log, and the chained hash there. */
export type CoveredLog = { readonly position: Position; readonly chainHash: Uint8Array };

/** A header for a new segment of this log, dated and signed with its owner's tag. */
export function newSegmentHeader(
  place: LogPlace,
  header: Pick<SegmentHeader, "generation" | "previous" | "previousHash">,
): SegmentHeader {
  // A computer whose clock stands before 1970 leaves its files undated.
  const createdMs = Math.max(0, Math.floor(place.wallMs?.() ?? 0));
  const owner = ownerTag(place.self).subarray(0, SEGMENT_OWNER_BYTES);
  return { ...header, createdMs, owner };
}
