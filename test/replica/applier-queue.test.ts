import { expect, test } from "vitest";
import type { Store } from "../../electron/agent/ports.ts";
import { Applier } from "../../electron/agent/replica/applier.ts";
import { POSITION_ZERO, logIndex, term } from "../../shared/base/ids.ts";
import type { LogEntry } from "../../shared/raft/types.ts";

const MIB = 1024 * 1024;

/** An applier over a log of these payload sizes, whose store ends a batch when the test says so. */
function makeApplier(sizes: readonly number[]) {
  const log = sizes.map((size, i): LogEntry => {
    const payload = new Uint8Array(size);
    return { term: term(1), index: logIndex(i + 1), kind: "data", payload };
  });
  const batches: number[][] = [];
  const ends: (() => void)[] = [];
  const call = async (_: string, { entries }: { entries: readonly LogEntry[] }) => {
    batches.push(entries.map((entry) => entry.index));
    await new Promise<void>((resolve) => ends.push(resolve));
    const applied = { term: term(1), index: entries.at(-1)?.index ?? logIndex(0) };
    const position = { applied, checksum: "c" };
    return {
      type: "applied",
      position,
      tables: [],
      rowCount: 0,
      isSchemaChange: false,
      isSettingsChange: false,
    };
  };
  const applier = new Applier({
    store: { call, close: () => Promise.resolve() } as unknown as Store,
    log: { entriesFrom: (from: number) => log.slice(from - 1) } as never,
    logger: { info: () => undefined, warn: () => undefined },
    onApplied: () => undefined,
    onDiverged: () => undefined,
    onStoreLost: () => undefined,
  });
  const endBatch = async (): Promise<void> => {
    ends.shift()?.();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  const resume = (): void => applier.resume({ applied: POSITION_ZERO, checksum: "" }, logIndex(0));
  return { applier, batches, endBatch, resume, log };
}

test("what the log holds beyond what is committed is not applied", async () => {
  const { applier, batches, endBatch, resume, log } = makeApplier([8, 8, 8, 8, 8]);
  // Handed over while the store is filled, so they are read from the log again.
  applier.enqueue(log.slice(0, 3));
  resume();
  await endBatch();
  expect(batches).toEqual([[1, 2, 3]]);
  expect(applier.position.applied.index).toBe(3);
  applier.enqueue(log.slice(3, 4));
  await endBatch();
  expect(batches.flat()).toEqual([1, 2, 3, 4]);
  await applier.close();
});

test("entries that were not kept at hand are read again, and never skipped", async () => {
  const { applier, batches, endBatch, resume, log } = makeApplier([8, 16 * MIB, 8, 8, 8]);
  resume();
  // The second and the third fill what is kept at hand; the fourth is left to the log.
  applier.enqueue(log.slice(0, 3));
  applier.enqueue(log.slice(3, 4));
  await endBatch();
  expect(batches).toEqual([[1], [2]]);
  // There is room again, but between the third and this one the fourth is missing.
  applier.enqueue(log.slice(4, 5));
  while (batches.flat().at(-1) !== 5) await endBatch();
  await endBatch();
  expect(batches.flat()).toEqual([1, 2, 3, 4, 5]);
  await applier.close();
});

test("checksums of a database that was replaced are not told any more", async () => {
  const { applier, endBatch, resume, log } = makeApplier([8, 8, 8]);
  resume();
  applier.enqueue(log);
  await endBatch();
  expect(applier.checksumAt(logIndex(3))).toBe("c");
  await applier.suspend();
  resume();
  expect(applier.checksumAt(logIndex(3))).toBeNull();
  await endBatch();
  expect(applier.checksumAt(logIndex(3))).toBe("c");
  await applier.close();
});

test("nothing is applied while somebody looks at the database, and it goes on afterwards", async () => {
  const { applier, batches, endBatch, resume, log } = makeApplier([8, 8, 8, 8]);
  resume();
  applier.enqueue(log.slice(0, 1));
  let look: () => void = () => undefined;
  const seen: number[] = [];
  const looking = applier.whilePaused(async () => {
    seen.push(applier.position.applied.index);
    await new Promise<void>((resolve) => (look = resolve));
    seen.push(applier.position.applied.index);
  });
  // The batch under way ends first; what is committed meanwhile waits.
  expect(seen).toEqual([]);
  applier.enqueue(log.slice(1, 3));
  await endBatch();
  expect(seen).toEqual([1]);
  expect(batches).toEqual([[1]]);
  look();
  await looking;
  expect(seen).toEqual([1, 1]);
  await endBatch();
  expect(batches).toEqual([[1], [2, 3]]);
  await applier.close();
});

test("a database that is filled anew while it stands still goes on from there", async () => {
  const { applier, batches, endBatch, resume, log } = makeApplier([8, 8, 8]);
  resume();
  applier.enqueue(log.slice(0, 2));
  await endBatch();
  await applier.whilePaused(async () => {
    applier.lost();
    await applier.suspend();
    resume();
    expect(batches).toHaveLength(1);
  });
  await endBatch();
  expect(batches).toEqual([
    [1, 2],
    [1, 2],
  ]);
  await applier.close();
});
