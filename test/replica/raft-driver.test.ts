import { expect, test } from "vitest";
import type { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { RaftDriver } from "../../electron/agent/replica/raft-driver.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import { ok } from "../../shared/base/result.ts";
import type { Raft } from "../../shared/raft/interface.ts";
import type { LogEntry, PersistBatch, RaftMessage, Ready } from "../../shared/raft/types.ts";
import { entryAt, hardStateOf } from "../log/log-fixtures.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const NOTHING: Ready = { messages: [], persist: null, committed: [], reads: [], snapshotsFor: [] };
const VOTE = { type: "vote" } as unknown as RaftMessage;
const APPEND = { type: "append" } as unknown as RaftMessage;

/** A driver whose core has this work; what happens is noted in order, the disk waits for the test. */
function makeDriver(work: Ready[]) {
  const steps: string[] = [];
  const ends: (() => void)[] = [];
  const onDisk = (step: string) => {
    steps.push(step);
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  const raft = {
    ready: () => work.shift() ?? NOTHING,
    persisted: (id: number) => void steps.push(`persisted ${id}`),
  } as unknown as Raft;
  const persist = async ({ hardState, entries }: Pick<PersistBatch, "hardState" | "entries">) => {
    await onDisk(`store ${hardState?.term ?? "-"} ${entries.length}`);
    return ok(null);
  };
  const driver = new RaftDriver({
    raft,
    log: { persist } as unknown as ReplicationLog,
    clock: new VirtualClock(),
    send: (message) => void steps.push(`send ${message.type}`),
    onCommitted: (entries: readonly LogEntry[]) => void steps.push(`commit ${entries.length}`),
    onRead: () => undefined,
    onSnapshotWanted: () => undefined,
    installSnapshot: () => onDisk("install").then(() => null),
    onDiskError: () => undefined,
    onDiskRecovered: () => undefined,
    onChange: () => undefined,
  });
  const endStep = async (): Promise<void> => {
    ends.shift()?.();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { driver, steps, endStep };
}

function batchOf(change: Partial<PersistBatch>): PersistBatch {
  return { id: 7, hardState: null, snapshot: null, entries: [], messages: [], ...change };
}

test("what depends on the disk is sent when it is there, and the rest at once", async () => {
  const persist = batchOf({ hardState: hardStateOf(3, "n2"), messages: [VOTE] });
  const { driver, steps, endStep } = makeDriver([{ ...NOTHING, messages: [APPEND], persist }]);
  driver.input(() => undefined);
  for (let step = 0; step < 2; step++) await endStep();
  expect(steps).toEqual(["send append", "store 3 0", "send vote", "persisted 7"]);
});

test("a vote is not sent before it is stored", async () => {
  const persist = batchOf({ hardState: hardStateOf(3, "n2"), messages: [VOTE] });
  const { driver, steps } = makeDriver([{ ...NOTHING, persist }]);
  driver.input(() => undefined);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  expect(steps).toEqual(["store 3 0"]);
});

test("term and vote are stored before a snapshot, the snapshot before the entries behind it", async () => {
  const configuration = { seats: [{ id: memberId("n1") }] } as never;
  const snapshot = { position: { term: term(3), index: logIndex(20) }, configuration };
  const persist = batchOf({ hardState: hardStateOf(3), snapshot, entries: [entryAt(21, 3)] });
  const { driver, steps, endStep } = makeDriver([{ ...NOTHING, persist }]);
  driver.input(() => undefined);
  for (let step = 0; step < 4; step++) await endStep();
  expect(steps).toEqual(["store 3 0", "install", "store - 1", "persisted 7"]);
});

test("after it was stopped nothing is said of what came to the disk", async () => {
  const persist = batchOf({ entries: [entryAt(1)], messages: [VOTE] });
  const { driver, steps, endStep } = makeDriver([{ ...NOTHING, persist }]);
  driver.input(() => undefined);
  await Promise.resolve();
  await Promise.resolve();
  const stopped = driver.stop();
  await endStep();
  await stopped;
  expect(steps).toEqual(["store - 1"]);
});

test("committed entries that the core hands out in portions all come without another input", async () => {
  const portion = { ...NOTHING, committed: [entryAt(1)] };
  const { driver, steps, endStep } = makeDriver([portion, portion, portion]);
  driver.input(() => undefined);
  await endStep();
  expect(steps).toEqual(["commit 1", "commit 1", "commit 1"]);
});
