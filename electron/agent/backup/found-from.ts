/**
 * Founds a new workspace from a backup: its rows become a snapshot at 1:1, which the founder starts from and which
 * everybody who joins is sent. For databases that are too large for one transaction, and for a room whose computers
 * are all gone. Runs before there is a replica, in a data folder that belongs to no workspace.
 */
import { basename, dirname } from "node:path";
import type { ApiError } from "../../../shared/api/methods.ts";
import { term } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { StoreImage } from "../../store-worker/messages.ts";
import { ReplicationLog } from "../log/replication-log.ts";
import { SnapshotFiles } from "../log/snapshots.ts";
import type { ClusterRecord } from "../members/cluster-record.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import type { Ports } from "../ports.ts";
import { SNAPSHOT_FOLDER } from "../replica/open-files.ts";
import { LOG_FOLDER } from "../replica/open-log.ts";
import { BackupScratch } from "./backup-scratch.ts";
import { WorkNow } from "./backup-work.ts";

/** What it takes. */
export type FoundingPorts = Pick<
  Ports,
  "disk" | "folders" | "clock" | "logger" | "openScratchStore"
>;

/** Of a chained hash; nothing comes before the first state. */
const HASH_BYTES = 16;

/** Lays the first state into the data folder. Repeating it after a crash is harmless. */
export async function foundFrom(
  file: string,
  at: { readonly ports: FoundingPorts; readonly self: MemberId; readonly record: ClusterRecord },
  segmentBytesMax: number,
): Promise<Result<null, ApiError>> {
  const { disk, logger, clock } = at.ports;
  const image = await imageOf(file, at.ports);
  if (!image.ok) return image;
  const { position, image: bytes } = image.value;
  const files = await SnapshotFiles.open({ disk, folder: SNAPSHOT_FOLDER, logger });
  if (!files.ok) return failed(files.error.detail);
  const chainHash = new Uint8Array(HASH_BYTES);
  const mark = { position: position.applied, configuration: at.record.initial };
  const { checksum } = position;
  const written = await files.value.write({ mark, chainHash, checksum, image: bytes });
  if (!written.ok) return failed(written.error.detail);
  const opened = await ReplicationLog.open({
    ...{ disk, folder: LOG_FOLDER, self: at.self, logger, segmentBytesMax },
    wallMs: () => clock.wallMs(),
  });
  if (!opened.ok) return failed(opened.error.detail);
  const { log } = opened.value;
  const reset = await log.resetTo(position.applied, chainHash);
  const hardState = { term: term(1), votedFor: null, incarnation: 0 };
  const kept = reset.ok ? await log.persist({ hardState, entries: [] }) : reset;
  await log.close();
  return kept.ok ? ok(null) : failed(kept.error.detail);
}

async function imageOf(file: string, ports: FoundingPorts): Promise<Result<StoreImage, ApiError>> {
  const { openScratchStore: openStore, logger, folders } = ports;
  const scratch = new BackupScratch({ openStore, logger, work: new WorkNow() });
  const place = { disk: folders.open(dirname(file)), path: basename(file) };
  const read = await scratch.read(
    place,
    async ({ content }, store): Promise<Result<StoreImage, ApiError>> => {
      if (!content.ok) return refused(content.error);
      const { recomputed, checksum } = content.value;
      if (recomputed !== checksum) return refused("its rows are not those it was made of");
      return ok(await store.call("foundImage", {}));
    },
  );
  return read.ok ? read.value : read;
}

function refused(why: string): Result<never, ApiError> {
  return err({
    code: "bad-request",
    message: `This file cannot be used: ${why}. Nothing was made.`,
  });
}

function failed(detail: string): Result<never, ApiError> {
  return err({ code: "storage-failed", message: `The data folder cannot be written: ${detail}.` });
}
