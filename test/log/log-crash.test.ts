/**
 * Goal: whatever was acknowledged is there after the power fails, at any moment. Method: a random
 * but seeded run of log operations is stopped at every single change of the disk; the disk then
 * loses a random part of what was not synced, and the log is opened and compared with a model.
 */
import { expect, it } from "vitest";
import { logIndex, term } from "../../shared/base/ids.ts";
import { randomBetween, randomChance, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { HardState, LogEntry } from "../../shared/raft/types.ts";
import type { OpenedLog, ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import type { CrashKind } from "../support/fake-disk.ts";
import { entriesBetween, entryAt, hardStateOf, openLog, value } from "./log-fixtures.ts";

const SMALL = { segmentBytesMax: 700, cacheBytesMax: 1500 };

/** What must be found, apart from the operation that was under way. */
type Model = {
  hardState: HardState;
  /** Index before the first entry that may be missing because it was dropped or replaced. */
  droppedThrough: number;
  entries: LogEntry[];
  committed: number;
};

type Operation =
  | { readonly type: "persist"; readonly hardState: HardState | null; readonly entries: LogEntry[] }
  | { readonly type: "truncate"; readonly index: number }
  | { readonly type: "reset"; readonly index: number; readonly term: number };

function newModel(): Model {
  return { hardState: hardStateOf(0), droppedThrough: 0, entries: [], committed: 0 };
}

function lastOf(model: Model): number {
  return model.entries.at(-1)?.index ?? model.droppedThrough;
}

function drawOperation(rng: Rng, model: Model): Operation {
  const last = lastOf(model);
  const nowTerm = model.hardState.term;
  if (randomChance(rng, 0.05) && last > 0) {
    return { type: "reset", index: last + randomBetween(rng, 0, 5), term: nowTerm };
  }
  if (randomChance(rng, 0.1) && model.committed > model.droppedThrough) {
    return { type: "truncate", index: randomBetween(rng, model.droppedThrough, model.committed) };
  }
  const isNewTerm = nowTerm === 0 || randomChance(rng, 0.2);
  const atTerm = nowTerm + (isNewTerm ? 1 : 0);
  const hardState = isNewTerm ? hardStateOf(atTerm, `n${randomBetween(rng, 1, 3)}`) : null;
  // A new term may bring other entries for what was not committed.
  const lowest = Math.max(model.committed, model.droppedThrough) + 1;
  const first = isNewTerm ? randomBetween(rng, lowest, last + 1) : last + 1;
  const count = randomBetween(rng, isNewTerm ? 0 : 1, 4);
  const size = randomBetween(rng, 0, randomChance(rng, 0.1) ? 1500 : 120);
  return {
    type: "persist",
    hardState,
    entries: entriesBetween(first, first + count - 1, atTerm, size),
  };
}

async function carryOut(log: ReplicationLog, operation: Operation): Promise<boolean> {
  switch (operation.type) {
    case "persist":
      return (await log.persist(operation)).ok;
    case "truncate":
      return (await log.truncatePrefix(logIndex(operation.index))).ok;
    case "reset": {
      const position = { term: term(operation.term), index: logIndex(operation.index) };
      return (await log.resetTo(position, new Uint8Array(16).fill(operation.index % 256))).ok;
    }
  }
}

function acknowledge(model: Model, operation: Operation, log: ReplicationLog): void {
  switch (operation.type) {
    case "persist": {
      if (operation.hardState !== null) model.hardState = operation.hardState;
      const first = operation.entries[0]?.index ?? Infinity;
      model.entries = [
        ...model.entries.filter((entry) => entry.index < first),
        ...operation.entries,
      ];
      return;
    }
    case "truncate":
      model.droppedThrough = log.firstIndex - 1;
      model.entries = model.entries.filter((entry) => entry.index >= log.firstIndex);
      return;
    case "reset":
      model.droppedThrough = operation.index;
      model.entries = [];
      model.committed = operation.index;
  }
}

/** The model holds, or the model after any part of the interrupted operation. */
function expectKept(opened: OpenedLog, model: Model, interrupted: Operation | null): void {
  const { log, hardState } = opened;
  const isNewState = interrupted?.type === "persist" && sameState(hardState, interrupted.hardState);
  if (!isNewState) expect(hardState).toEqual(model.hardState);
  if (interrupted?.type === "reset" && log.firstIndex === interrupted.index + 1) {
    if (log.lastIndex === interrupted.index) return;
  }
  const mayDropThrough =
    interrupted?.type === "truncate" ? interrupted.index : model.droppedThrough;
  expect(log.firstIndex).toBeLessThanOrEqual(Math.max(mayDropThrough, model.droppedThrough) + 1);
  const found = log.lastIndex >= log.firstIndex ? log.entriesFrom(log.firstIndex, Infinity) : [];
  const newEntries = interrupted?.type === "persist" ? interrupted.entries : [];
  const keptBelow = newEntries[0]?.index ?? Infinity;
  const wanted = model.entries.filter(
    (entry) => entry.index >= log.firstIndex && entry.index < keptBelow,
  );
  expect(textOf(found.slice(0, wanted.length))).toBe(textOf(wanted));
  const rest = found.slice(wanted.length);
  const oldRest = model.entries.filter((entry) => entry.index >= keptBelow);
  const isCut = keptBelow <= lastOf(model);
  const candidates = [newEntries.slice(0, rest.length), oldRest.slice(0, rest.length)];
  expect(candidates.map(textOf)).toContain(textOf(rest));
  if (!isCut) expect(log.lastIndex).toBeGreaterThanOrEqual(lastOf(model));
}

/** Everything of every entry, as one string: comparing bytes one by one takes minutes. */
function textOf(entries: readonly LogEntry[]): string {
  const words = entries.map(
    ({ term: atTerm, index, kind, payload }) =>
      `${atTerm}:${index} ${kind} ${Buffer.from(payload).toString("latin1")}`,
  );
  return words.join("\n");
}

function sameState(a: HardState, b: HardState | null): boolean {
  return b !== null && a.term === b.term && a.votedFor === b.votedFor;
}

/** Runs until the disk stops, then crashes it. @returns false when the run came to its end. */
async function runAndCrash(seed: number, stopAfter: number, kind: CrashKind): Promise<boolean> {
  const rng = seededRng(seed);
  const disk = new FakeDisk({ seed: seed * 1000 + stopAfter });
  const model = newModel();
  const { log } = await openLog(disk, SMALL);
  disk.haltAfter(stopAfter);
  let interrupted: Operation | null = null;
  for (let i = 0; i < 25 && interrupted === null; i++) {
    const operation = drawOperation(rng, model);
    if (await carryOut(log, operation)) acknowledge(model, operation, log);
    else interrupted = operation;
    if (interrupted === null && randomChance(rng, 0.5)) {
      model.committed = randomBetween(rng, model.committed, lastOf(model));
      log.noteCommitted(logIndex(model.committed));
    }
  }
  disk.crash(kind);
  const opened = await openLog(disk, SMALL);
  expectKept(opened, model, interrupted);
  expect(opened.commitIndex).toBeLessThanOrEqual(Math.max(model.committed, opened.log.lastIndex));
  await expectUsable(disk, opened);
  return interrupted !== null;
}

/** What is found once is found again: opening made it durable. And the log takes more. */
async function expectUsable(disk: FakeDisk, opened: OpenedLog): Promise<void> {
  const { log, hardState } = opened;
  const last = log.lastIndex;
  disk.crash();
  const again = await openLog(disk, SMALL);
  expect([again.log.firstIndex, again.log.lastIndex]).toEqual([log.firstIndex, last]);
  const next = hardStateOf(hardState.term + 1, "n9");
  value(await again.log.persist({ hardState: next, entries: [entryAt(last + 1, next.term)] }));
  disk.crash();
  const after = await openLog(disk, SMALL);
  expect([after.log.lastIndex, after.hardState]).toEqual([last + 1, next]);
}

it("what was acknowledged survives a power failure at every change of the disk", async () => {
  for (let seed = 1; seed <= 3; seed++) {
    for (let stopAfter = 1; await runAndCrash(seed, stopAfter, "power-lost"); stopAfter++);
  }
});

it("what was acknowledged survives the end of the process at every change of the disk", async () => {
  for (let seed = 101; seed <= 102; seed++) {
    for (let stopAfter = 1; await runAndCrash(seed, stopAfter, "process-killed"); stopAfter++);
  }
});

it("the first start can be interrupted anywhere", async () => {
  for (let stopAfter = 1; stopAfter < 30; stopAfter++) {
    const disk = new FakeDisk({ seed: stopAfter });
    disk.haltAfter(stopAfter);
    await openLogAnyhow(disk);
    disk.crash();
    const { log, hardState } = await openLog(disk);
    expect([log.lastIndex, hardState]).toEqual([0, hardStateOf(0)]);
  }
});

it("an acknowledgement before the sync, planted as a bug, loses entries", async () => {
  let lostCount = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const disk = new FakeDisk({ seed });
    const { log } = await openLog(disk, { faults: { ackBeforeSync: true } });
    value(await log.saveHardState(hardStateOf(1)));
    value(await log.append([entryAt(1)]));
    disk.crash();
    const { log: again } = await openLog(disk);
    if (again.lastIndex === 0) lostCount++;
  }
  expect(lostCount).toBeGreaterThan(3);
});

it("a vote left out, planted as a bug, is forgotten by a crash", async () => {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, { faults: { skipHardState: true } });
  value(await log.saveHardState(hardStateOf(3, "n2")));
  disk.crash();
  expect((await openLog(disk)).hardState).toEqual(hardStateOf(3));
});

async function openLogAnyhow(disk: FakeDisk): Promise<void> {
  try {
    await openLog(disk);
  } catch (error) {
    expect(String(error)).toMatch(/storage-failed/);
  }
}
