/**
 * The log on a real disk that is really full: a tmpfs of one mebibyte, where the system stores a part
 * of a write before it refuses the rest. Skipped where this user may not mount one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { NodeDisk } from "../../electron/agent/platform/node-disk.ts";
import { fillDisk, mountSmallDisk } from "../support/small-disk.ts";
import { entriesBetween, hardStateOf, silentLogger, value, wordsOf } from "./log-fixtures.ts";

it("a full real disk refuses, takes votes, can be read, and recovers", async (context) => {
  const root = mkdtempSync(join(tmpdir(), "tidemark-full-"));
  const small = await mountSmallDisk(join(root, "disk"), 1);
  try {
    if (small === null) return context.skip();
    const disk = new NodeDisk(small.folder, () => performance.now());
    const options = { disk, folder: "log", logger: silentLogger, segmentBytesMax: 64 * 1024 };
    const { log } = value(await ReplicationLog.open(options));
    value(await log.persist({ hardState: hardStateOf(1), entries: entriesBetween(1, 3) }));
    const ballast = join(small.folder, "ballast");
    fillDisk(ballast);
    // More than what may be left of the last page: the system takes a part of it.
    const large = entriesBetween(4, 4, 1, 200_000);
    expect(await log.append(large)).toMatchObject({ error: { code: "storage-full" } });
    value(await log.saveHardState(hardStateOf(2, "n2")));
    expect(wordsOf(log)).toHaveLength(3);
    const again = value(await ReplicationLog.open(options));
    expect([again.hardState, again.log.lastIndex]).toEqual([hardStateOf(2, "n2"), 3]);
    expect(again.report.tornBytes).toBe(0);
    await again.log.close();
    rmSync(ballast);
    value(await log.append(large));
    expect(log.lastIndex).toBe(4);
    await log.close();
  } finally {
    await small?.unmount();
    rmSync(root, { recursive: true, force: true });
  }
});
