/**
 * Which snapshots stay: those a start needs, and those from which the past is read.
 *
 * The newest two are what a start needs. The past can be read from the newest snapshot at or before the window
 * of log that is kept on, so that one stays, and the one after it, which takes its place when the window has moved
 * past it. With four files the whole window can be read at any time, and never more than two windows of log are
 * kept behind the newest.
 */
import type { LogIndex } from "../../../shared/base/ids.ts";
import type { SnapshotInfo } from "./snapshot-info.ts";

const NEWEST_COUNT = 2;

/** Files that may lie on the disk at once, one that is being written not counted. */
export const SNAPSHOTS_KEPT_MAX = 4;

/**
 * Those that nobody needs any more.
 *
 * @param kept Oldest first.
 * @param windowAt The last index before the window of log; null when nobody said yet.
 */
export function surplusSnapshots(
  kept: readonly SnapshotInfo[],
  windowAt: LogIndex | null,
): readonly SnapshotInfo[] {
  const base = windowAt === null ? 0 : Math.max(0, placeBefore(kept, windowAt));
  const needed = new Set([...kept.slice(base, base + 2), ...kept.slice(-NEWEST_COUNT)]);
  return kept.filter((info) => !needed.has(info));
}

/**
 * The oldest state that can be read: from there the log leads to every later one. 0 is the empty database before
 * the first entry; null when no kept snapshot joins the log.
 */
export function readableFrom(kept: readonly SnapshotInfo[], firstIndex: LogIndex): LogIndex | null {
  if (firstIndex === 1) return (firstIndex - 1) as LogIndex;
  const joining = kept.find(({ mark }) => mark.position.index >= firstIndex - 1);
  return joining?.mark.position.index ?? null;
}

function placeBefore(kept: readonly SnapshotInfo[], index: LogIndex): number {
  return kept.findLastIndex(({ mark }) => mark.position.index <= index);
}
