import { describe, expect, it } from "vitest";
import { FakeDisk } from "../support/fake-disk.ts";
import {
  entriesBetween,
  hardStateOf,
  openLog,
  tryOpenLog,
  value,
  wordsOf,
} from "./log-fixtures.ts";

/** A log of three entries whose sync of the fourth failed, and whose process then ended. */
async function diskAfterFailedSync(): Promise<FakeDisk> {
  const disk = new FakeDisk({ seed: 3 });
  const { log } = await openLog(disk);
  value(await log.saveHardState(hardStateOf(1)));
  value(await log.append(entriesBetween(1, 3)));
  disk.failNextSync();
  const failed = await log.append(entriesBetween(4, 4));
  expect(failed.ok).toBe(false);
  disk.crash("process-killed");
  return disk;
}

// The system keeps what it could not write and calls it clean: it can be read, and syncing the
// same file again writes nothing. Found by the simulator (seeds 92 and 281).
describe("the process after one whose sync had failed", () => {
  it("loses nothing it acknowledges when the power fails later", async () => {
    const disk = await diskAfterFailedSync();
    const second = await openLog(disk);
    const readBack = wordsOf(second.log);
    value(await second.log.append(entriesBetween(second.log.lastIndex + 1, 8)));
    disk.crash("power-lost");
    const third = await openLog(disk);
    expect(third.log.lastIndex).toBe(8);
    expect(wordsOf(third.log).slice(0, readBack.length)).toEqual(readBack);
  });

  it("does not start on a disk too full to write anew what it reads", async () => {
    const disk = await diskAfterFailedSync();
    disk.setFreeBytes(10);
    const refused = await tryOpenLog(disk);
    expect(refused).toMatchObject({ ok: false, error: { code: "storage-full" } });
    disk.setFreeBytes(null);
    expect((await openLog(disk)).log.lastIndex).toBeGreaterThanOrEqual(3);
  });
});

it("a failed sync is forgotten once everything was written anew", async () => {
  const disk = await diskAfterFailedSync();
  const { log } = await openLog(disk);
  const last = log.lastIndex;
  disk.crash("process-killed");
  disk.setFreeBytes(10);
  expect((await openLog(disk)).log.lastIndex).toBe(last);
});

it("a start whose sync fails on a full disk leaves word for the next one", async () => {
  const disk = new FakeDisk({ seed: 5 });
  const { log } = await openLog(disk);
  value(await log.saveHardState(hardStateOf(1)));
  value(await log.append(entriesBetween(1, 3)));
  disk.crash("process-killed");
  disk.setFreeBytes(10);
  disk.setFault(({ operation, path }) =>
    operation === "sync" && path.endsWith(".seg") ? { code: "storage-failed", detail: "no" } : null,
  );
  expect(await tryOpenLog(disk)).toMatchObject({ error: { code: "storage-failed" } });
  disk.setFault(() => null);
  disk.crash("process-killed");
  // What is read now was called clean by the system and may be nowhere: only a copy would do.
  expect(await tryOpenLog(disk)).toMatchObject({ error: { code: "storage-full" } });
  disk.setFreeBytes(null);
  expect((await openLog(disk)).log.lastIndex).toBe(3);
});

it("a log whose syncs all worked opens on a full disk", async () => {
  const disk = new FakeDisk({ seed: 4 });
  const { log } = await openLog(disk);
  value(await log.saveHardState(hardStateOf(1)));
  value(await log.append(entriesBetween(1, 3)));
  disk.crash("process-killed");
  disk.setFreeBytes(10);
  expect((await openLog(disk)).log.lastIndex).toBe(3);
});
