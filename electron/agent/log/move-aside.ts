import { POSITION_ZERO } from "../../../shared/base/ids.ts";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";
import { COMMIT_HINT_NAME } from "./commit-hint.ts";
import { HARD_STATE_NAMES, decodeHardState } from "./hard-state-files.ts";
import { joinPath } from "./folders.ts";
import { CHAIN_HASH_ZERO } from "./record-format.ts";
import { createDurableSegment } from "./segment-list.ts";
import { parseSegmentName } from "./segment.ts";

/**
 * Moves a damaged log out of the way and leaves an empty one; nothing is deleted, so what can
 * still be read can be rescued. Term and vote stay when a copy of them is whole.
 *
 * The member has forgotten entries it acknowledged: the caller must bring it back as a new mirror
 * under a new incarnation, and note that durably *before* calling this: the empty log opens
 * without complaint. The log must not be open.
 *
 * @returns the folder where the damaged files are.
 */
export async function moveAside(options: {
  readonly disk: Disk;
  readonly folder: string;
}): Promise<Result<string, DiskError>> {
  const { disk, folder } = options;
  const listed = await disk.list(folder);
  if (!listed.ok) return listed;
  const kept = await hasWholeHardState(disk, folder);
  if (!kept.ok) return kept;
  const segments = listed.value.map(parseSegmentName).filter((name) => name !== null);
  const moving: string[] = segments.map((segment) => segment.name);
  if (listed.value.includes(COMMIT_HINT_NAME)) moving.push(COMMIT_HINT_NAME);
  if (!kept.value) moving.push(...HARD_STATE_NAMES.filter((name) => listed.value.includes(name)));
  const target = await freeFolder(disk, folder);
  if (!target.ok) return target;
  // First of all a new generation: the moves below may stop half-way, and a part of the damaged
  // log that looks whole must not be taken for the log.
  const generation = 1 + Math.max(0, ...segments.map((segment) => segment.generation));
  const header = { generation, previous: POSITION_ZERO, previousHash: CHAIN_HASH_ZERO };
  const created = await createDurableSegment(disk, folder, header);
  if (!created.ok) return created;
  await created.value.close();
  for (const name of moving) {
    const moved = await disk.rename(joinPath(folder, name), joinPath(target.value, name));
    if (!moved.ok) return moved;
  }
  const left = await disk.syncFolder(folder);
  const arrived = left.ok ? await disk.syncFolder(target.value) : left;
  return arrived.ok ? ok(target.value) : arrived;
}

async function hasWholeHardState(disk: Disk, folder: string): Promise<Result<boolean, DiskError>> {
  for (const name of HARD_STATE_NAMES) {
    const read = await disk.read(joinPath(folder, name));
    if (!read.ok) return read;
    if (read.value !== null && decodeHardState(read.value) !== null) return ok(true);
  }
  return ok(false);
}

async function freeFolder(disk: Disk, folder: string): Promise<Result<string, DiskError>> {
  for (let number = 1; ; number++) {
    const path = `${folder}-damaged-${number}`;
    const listed = await disk.list(path);
    if (!listed.ok) return listed;
    if (listed.value.length > 0) continue;
    const made = await disk.makeFolder(path);
    return made.ok ? ok(path) : made;
  }
}
