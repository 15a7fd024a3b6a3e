import { createHash } from "node:crypto";
import { bytesEqual } from "../../../shared/base/bytes.ts";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";
import { readSnapshotInfo } from "./snapshot-info.ts";
import type { SnapshotInfo } from "./snapshot-info.ts";

/** Read in pieces, so that other work gets its turn. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Reads a snapshot back from its first byte to its last; null when it is not whole. What nobody
 * has read back yet replaces nothing: neither an older snapshot nor the log before it.
 */
export async function proveSnapshot(
  disk: Disk,
  path: string,
): Promise<Result<SnapshotInfo | null, DiskError>> {
  const info = await readSnapshotInfo(disk, path);
  if (!info.ok) return info;
  if (info.value === null || info.value === "too-new") return ok(null);
  const opened = await disk.open(path);
  if (!opened.ok) return opened;
  const { bodyAt, bodyBytes, sha256 } = info.value;
  const hash = createHash("sha256");
  for (let at = 0; at < bodyBytes; at += PIECE_BYTES) {
    const piece = await opened.value.read(bodyAt + at, Math.min(PIECE_BYTES, bodyBytes - at));
    if (!piece.ok) {
      await opened.value.close();
      return piece;
    }
    hash.update(piece.value);
  }
  await opened.value.close();
  return ok(bytesEqual(new Uint8Array(hash.digest()), sha256) ? info.value : null);
}
