import { expect, it } from "vitest";
import { CHAIN_HASH_BYTES } from "../../electron/agent/log/record-format.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { diskWith, entriesBetween, hardStateOf, openLog, value } from "./log-fixtures.ts";

/** What was committed in the log that goes says nothing of the one that comes. */
it("a reset below what was committed opens as the old log or the new one, wherever it stops", async () => {
  const before = new FakeDisk();
  const { log } = await openLog(before);
  value(await log.saveHardState(hardStateOf(3)));
  value(await log.append(entriesBetween(1, 30, 3)));
  log.noteCommitted(logIndex(30));
  await log.close();
  const found = new Set<number>();
  for (let stopAfter = 0, isDone = false; !isDone; stopAfter++) {
    for (const kind of ["power-lost", "process-killed"] as const) {
      const disk = diskWith(before.contents(), stopAfter + 1);
      const opened = await openLog(disk);
      disk.haltAfter(stopAfter);
      const position = { term: term(3), index: logIndex(20) };
      isDone = (await opened.log.resetTo(position, new Uint8Array(CHAIN_HASH_BYTES))).ok;
      disk.crash(kind);
      const again = await openLog(disk);
      const { lastIndex } = again.log;
      expect(again.commitIndex).toBe(lastIndex);
      expect(isDone ? [20] : [20, 30]).toContain(lastIndex);
      found.add(lastIndex);
      await again.log.close();
    }
  }
  expect([...found].sort()).toEqual([20, 30]);
});

it("what was let go of was committed, also when the note of that is older", async () => {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, { segmentBytesMax: 500 });
  value(await log.saveHardState(hardStateOf(1)));
  value(await log.append(entriesBetween(1, 2)));
  log.noteCommitted(logIndex(2));
  for (const entry of entriesBetween(3, 40)) value(await log.append([entry]));
  value(await log.truncatePrefix(logIndex(30)));
  disk.crash("process-killed");
  const again = await openLog(disk, { segmentBytesMax: 500 });
  expect(again.log.firstIndex).toBeGreaterThan(10);
  expect(again.commitIndex).toBe(again.log.firstIndex - 1);
});
