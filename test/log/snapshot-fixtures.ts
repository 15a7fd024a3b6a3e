/** Snapshots for tests, and a folder of them on a disk of their own. */
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { SnapshotMark } from "../../shared/raft/types.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import type { FakeDisk } from "../support/fake-disk.ts";
import { silentLogger, value } from "./log-fixtures.ts";

/** Of every snapshot here. */
export const CHAIN_HASH = new Uint8Array(16).fill(5);

/** A position of term 3, with one voter. */
export function markAt(index: number): SnapshotMark {
  const seat = { id: memberId("n1"), kind: "voter", incarnation: 0, context: new Uint8Array([1]) };
  return {
    position: { term: term(3), index: logIndex(index) },
    configuration: { seats: [seat as SnapshotMark["configuration"]["seats"][number]] },
  };
}

/** What a snapshot at an index contains; other bytes for every index. */
export function contentAt(index: number, size = 300) {
  const image = new Uint8Array(size).map((_, i) => (i * 7 + index) % 256);
  return { mark: markAt(index), image, checksum: "00ff00ff00ff00ff", chainHash: CHAIN_HASH };
}

/** Opens the folder `snapshots`. */
export async function openSnapshots(disk: FakeDisk): Promise<SnapshotFiles> {
  return value(await SnapshotFiles.open({ disk, folder: "snapshots", logger: silentLogger }));
}
