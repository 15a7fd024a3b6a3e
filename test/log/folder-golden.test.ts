/**
 * Goal: a data folder left by any released version opens for ever, with everything in it. Method:
 * whole folders, each left by a killed process of its version, are copied to a new place and
 * opened the way a member opens its own; log, snapshot, term and vote must be there, and the rows
 * after replay must have the checksum that version had computed.
 *
 * A folder is only ever added: `node build/scripts/golden-folder.mjs VERSION`.
 */
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterEach, expect, it } from "vitest";
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { readSettings } from "../../electron/agent/log/settings-file.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import { parseClusterRecord } from "../../electron/agent/members/cluster-record.ts";
import { loadOrCreateIdentity } from "../../electron/agent/pairing/identity.ts";
import { NodeDisk } from "../../electron/agent/platform/node-disk.ts";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import { logIndex } from "../../shared/base/ids.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { silentLogger } from "./log-fixtures.ts";

const GOLDEN = fileURLToPath(new URL("../golden/", import.meta.url));

/** What each version's program said of its folder before it was killed. */
const FOLDERS = [
  {
    name: "folder-v1",
    clusterName: "Golden",
    term: 2,
    storedIncarnation: "unknown",
    snapshotIndex: 32,
    firstIndex: 16,
    lastIndex: 33,
    checksum: "cee56d5894ff5862",
    boats: [28, 440.5],
  },
] as const;

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A copy that may be written to. */
function unpack(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-golden-"));
  folders.push(folder);
  const from = join(GOLDEN, name);
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const packed = join(entry.parentPath, entry.name);
    const to = join(folder, relative(from, packed).replace(/\.gz$/, ""));
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    writeFileSync(to, gunzipSync(readFileSync(packed)), { mode: 0o600 });
  }
  return folder;
}

function value<T>(
  result:
    { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown },
): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

it.each(FOLDERS)("$name opens with everything in it, twice", async (golden) => {
  const folder = unpack(golden.name);
  const sqlite = await loadTestSqlite();
  for (let time = 1; time <= 2; time++) {
    const disk = new NodeDisk(folder, () => 0);
    const { memberId } = value(loadOrCreateIdentity(folder));
    const record = value(parseClusterRecord(value(await readSettings(disk, "cluster.json"))));
    expect(record.name).toBe(golden.clusterName);
    expect(record.initial.seats.map((seat) => seat.id)).toEqual([memberId]);
    const options = { disk, logger: silentLogger };
    const snapshots = value(await SnapshotFiles.open({ ...options, folder: "snapshots" }));
    const image = value(await snapshots.read());
    expect(image?.mark.position.index).toBe(golden.snapshotIndex);
    const log = value(await ReplicationLog.open({ ...options, folder: "log", self: memberId }));
    expect([log.log.firstIndex, log.log.lastIndex]).toEqual([golden.firstIndex, golden.lastIndex]);
    expect([log.hardState.term, log.hardState.votedFor]).toEqual([golden.term, memberId]);
    expect(log.storedIncarnation).toBe(golden.storedIncarnation);
    expect(log.commitIndex).toBe(golden.lastIndex);
    expect(log.log.chainHashAt(logIndex(golden.snapshotIndex))).toEqual(image?.chainHash);
    const engine = createStoreEngine(sqlite);
    value(engine.handle("load", { image: image?.image ?? null }));
    const entries = log.log.entriesFrom(logIndex(golden.snapshotIndex + 1), Infinity);
    const applied = engine.handle("apply", {
      entries: entries.map(({ term, index, kind, payload }) => {
        return { term, index, payload: kind === "data" ? payload : null };
      }),
    });
    expect(applied).toMatchObject({ type: "applied", position: { checksum: golden.checksum } });
    const query = { sql: "SELECT count(*), sum(draught) FROM boats", params: [], rowsMax: 10 };
    expect(value(engine.handle("query", query)).rows).toEqual([golden.boats]);
    engine.dispose();
    await log.log.close();
  }
});
