import { ok } from "../../../shared/base/result.ts";
import type { Position } from "../../../shared/base/ids.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { SnapshotMark } from "../../../shared/raft/types.ts";
import type { Disk, DiskError, DiskFile } from "../ports.ts";
import {
  SNAPSHOT_HEADER_FIXED_BYTES,
  SNAPSHOT_TRAILER_BYTES,
  decodeSnapshotHeader,
  decodeSnapshotTrailer,
  snapshotHeaderBytes,
} from "./snapshot-format.ts";

/** How snapshot files end. */
export const SNAPSHOT_SUFFIX = ".snap";

/** A stored snapshot: what its header and trailer say. */
export type SnapshotInfo = {
  readonly path: string;
  readonly mark: SnapshotMark;
  readonly bodyAt: number;
  /** Bytes to send; the image and a few more. */
  readonly bodyBytes: number;
  /** Of the body. */
  readonly sha256: Uint8Array;
};

/** `0000000000018204-7.snap`: sorting names sorts snapshots. */
export function snapshotName(position: Position): string {
  return `${String(position.index).padStart(16, "0")}-${position.term}${SNAPSHOT_SUFFIX}`;
}

/**
 * Reads header and trailer; null when they do not make a whole snapshot, "too-new" when a newer version wrote
 * it: such a one is left alone.
 */
export async function readSnapshotInfo(
  disk: Disk,
  path: string,
): Promise<Result<SnapshotInfo | "too-new" | null, DiskError>> {
  const opened = await disk.open(path);
  if (!opened.ok) return opened;
  try {
    return ok(await infoOf(path, opened.value));
  } finally {
    await opened.value.close();
  }
}

/** What the disk cannot read is no whole snapshot either. */
async function infoOf(path: string, file: DiskFile): Promise<SnapshotInfo | "too-new" | null> {
  const fixed = await file.read(0, SNAPSHOT_HEADER_FIXED_BYTES);
  const headerBytes = fixed.ok ? snapshotHeaderBytes(fixed.value) : null;
  if (headerBytes === null) return null;
  const read = await file.read(0, headerBytes);
  const header = read.ok ? decodeSnapshotHeader(read.value) : null;
  if (header === null || header === "too-new") return header;
  const { mark, bodyBytes } = header;
  const trailerAt = headerBytes + bodyBytes;
  if (file.sizeBytes !== trailerAt + SNAPSHOT_TRAILER_BYTES) return null;
  const trailer = await file.read(trailerAt, SNAPSHOT_TRAILER_BYTES);
  const sha256 = trailer.ok ? decodeSnapshotTrailer(trailer.value) : null;
  return sha256 === null ? null : { path, mark, bodyAt: headerBytes, bodyBytes, sha256 };
}
