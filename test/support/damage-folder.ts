/**
 * Damages the database of a member that does not run, as a flipped bit would that got into its newest image: the rows
 * are others, position and checksums are as they were. The log stays as it is.
 */
import { openFolder } from "../../electron/agent/open-folder.ts";
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import { toCommitted } from "../../electron/agent/replica/applier.ts";
import { SNAPSHOT_FOLDER } from "../../electron/agent/replica/open-files.ts";
import { LOG_FOLDER } from "../../electron/agent/replica/open-log.ts";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { decodeConfiguration } from "../../shared/raft/configuration.ts";
import type { Configuration } from "../../shared/raft/types.ts";
import { silentLogger as logger, value } from "../log/log-fixtures.ts";
import { damage } from "../store/damage.ts";

/** @param statements What is done to the database that its log leads to. */
export async function damageFolder(
  sqlite: SqliteModule,
  path: string,
  statements: readonly string[],
): Promise<void> {
  const opened = await openFolder(path, () => Date.now());
  if (!opened.ok) throw new Error(opened.error.message);
  const { disk, folder, release } = opened.value;
  const { self, record } = folder;
  if (record === null) throw new Error("it belongs to no cluster");
  const files = value(await SnapshotFiles.open({ disk, folder: SNAPSHOT_FOLDER, logger }));
  const { log } = value(await ReplicationLog.open({ disk, folder: LOG_FOLDER, self, logger }));
  const snapshot = value(await files.read());
  const engine = createStoreEngine(sqlite);
  const loaded = engine.handle("load", { image: snapshot?.image ?? null });
  if (!loaded.ok) throw new Error(loaded.error.detail);
  let configuration: Configuration = snapshot?.mark.configuration ?? record.initial;
  const entries = log
    .entriesFrom(log.firstIndex, Infinity)
    .filter(({ index }) => index > loaded.value.applied.index);
  for (const entry of entries) {
    const decoded = entry.kind === "configuration" ? decodeConfiguration(entry.payload) : null;
    if (decoded?.ok === true) configuration = decoded.value;
  }
  const outcome = engine.handle("apply", { entries: entries.map(toCommitted) });
  if (outcome.type !== "applied") throw new Error(outcome.detail);
  damage(sqlite, engine, statements);
  const { image, position } = engine.handle("image", {});
  const { applied, checksum } = position;
  const chainHash = log.chainHashAt(applied.index);
  if (chainHash === null) throw new Error("the log reaches the database");
  const mark = { position: applied, configuration };
  value(await files.write({ mark, chainHash, checksum, image }));
  await log.close();
  engine.dispose();
  await release();
}
