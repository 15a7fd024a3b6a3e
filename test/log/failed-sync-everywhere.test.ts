/**
 * Goal: a failed sync never becomes an acknowledgement, whichever one fails: of entries, of term
 * and vote, of a new segment, of a snapshot, of a folder. Method: one scripted run; in each of its
 * repetitions another one of the first 500 syncs fails once and then all work again. What was
 * acknowledged until then must be found, whether the process ends or the power.
 */
import { expect, it } from "vitest";
import type { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import type { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import type { DiskError } from "../../electron/agent/ports.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import {
  entriesBetween,
  hardStateOf,
  openLog,
  tryOpenLog,
  value,
  wordsOf,
} from "./log-fixtures.ts";
import { contentAt, openSnapshots } from "./snapshot-fixtures.ts";

const SYNC_COUNT = 500;
/** On a busy computer; alone it takes seconds. */
const TIMEOUT_MS = 120_000;
const SMALL = { segmentBytesMax: 600, cacheBytesMax: 2000 };
const EIO: DiskError = { code: "storage-failed", detail: "EIO" };

/** What was answered with ok. */
type Acknowledged = {
  term: number;
  votedFor: string | null;
  /** Payload words of the entries from `firstIndex` on. */
  words: Map<number, string>;
  snapshotIndex: number;
  /** Nothing below it needs to be there any more. */
  droppedThrough: number;
};

type Member = { readonly log: ReplicationLog; readonly snapshots: SnapshotFiles };
type Step = (member: Member, acknowledged: Acknowledged) => Promise<Result<unknown, DiskError>>;

function persistAt(index: number, atTerm: number): Step {
  return async ({ log }, acknowledged) => {
    const hardState = hardStateOf(atTerm, `n${atTerm % 3}`);
    const entries = entriesBetween(index, index + 1, atTerm, 40 + (index % 90));
    const done = await log.persist({ hardState, entries });
    if (!done.ok) return done;
    Object.assign(acknowledged, { term: atTerm, votedFor: hardState.votedFor });
    for (const entry of entries) {
      const payload = Buffer.from(entry.payload).toString().trim();
      acknowledged.words.set(entry.index, `${atTerm}:${entry.index} ${payload}`);
    }
    for (const known of acknowledged.words.keys()) {
      if (known > index + 1) acknowledged.words.delete(known);
    }
    return done;
  };
}

function snapshotAt(index: number): Step {
  const snapshot: Step = async ({ snapshots }, acknowledged) => {
    const done = await snapshots.write(contentAt(index));
    if (done.ok) acknowledged.snapshotIndex = index;
    return done;
  };
  return snapshot;
}

function dropThrough(index: number): Step {
  return async ({ log }, acknowledged) => {
    acknowledged.droppedThrough = Math.max(acknowledged.droppedThrough, index);
    return log.truncatePrefix(logIndex(Math.min(index, log.lastIndex)));
  };
}

function resetTo(index: number, atTerm: number): Step {
  return async ({ log }, acknowledged) => {
    acknowledged.droppedThrough = index;
    return log.resetTo({ term: term(atTerm), index: logIndex(index) }, new Uint8Array(16).fill(9));
  };
}

/** Far more than 500 syncs: two entries and a vote a time, now and then everything else. */
function script(): readonly Step[] {
  const steps: Step[] = [];
  let index = 1;
  for (let turn = 1; turn <= 170; turn++) {
    steps.push(persistAt(index, turn));
    // Now and then another leader's entry replaces the last one.
    index += turn % 11 === 0 ? 1 : 2;
    if (turn % 15 === 0) steps.push(snapshotAt(index - 4), dropThrough(index - 8));
    if (turn % 60 !== 0) continue;
    index += 5;
    steps.push(resetTo(index - 1, turn));
  }
  return steps;
}

/** Runs the script; the `failing`th sync of the disk fails. @returns how many there were. */
async function run(disk: FakeDisk, failing: number, acknowledged: Acknowledged): Promise<number> {
  let syncCount = 0;
  disk.setFault(({ operation }) => {
    if (operation !== "sync" && operation !== "sync-folder") return null;
    syncCount++;
    return syncCount === failing ? EIO : null;
  });
  const opened = await tryOpenLog(disk, SMALL);
  if (!opened.ok) return syncCount;
  const { log } = opened.value;
  const member = { log, snapshots: await openSnapshotsAnyhow(disk) };
  for (const step of member.snapshots === null ? [] : script()) {
    const done = await step(member as Member, acknowledged);
    // Final: whatever this log is asked for afterwards is refused as well.
    if (!done.ok && step.name !== "snapshot") {
      expect(done.error.code).toBe("storage-failed");
      expect(await log.saveHardState(hardStateOf(9999))).toMatchObject({ ok: false });
    }
    if (syncCount >= failing + 12) break;
  }
  return syncCount;
}

async function openSnapshotsAnyhow(disk: FakeDisk): Promise<SnapshotFiles | null> {
  try {
    return await openSnapshots(disk);
  } catch (error) {
    expect(String(error)).toMatch(/storage-failed/);
    return null;
  }
}

async function expectFound(disk: FakeDisk, acknowledged: Acknowledged): Promise<void> {
  const { log, hardState } = await openLog(disk, SMALL);
  expect(hardState.term).toBeGreaterThanOrEqual(acknowledged.term);
  if (hardState.term === acknowledged.term) {
    expect(hardState.votedFor).toBe(acknowledged.votedFor);
  }
  const found = new Map(wordsOf(log).map((word, i) => [log.firstIndex + i, word]));
  for (const [index, word] of acknowledged.words) {
    if (index <= acknowledged.droppedThrough) continue;
    // An unacknowledged batch of a later term may have replaced it on the disk.
    const isReplaced = Number(found.get(index)?.split(":")[0]) > acknowledged.term;
    if (!isReplaced) expect(found.get(index)).toBe(word);
  }
  await log.close();
  const snapshots = await openSnapshots(disk);
  const image = value(await snapshots.read());
  expect(image?.mark.position.index ?? 0).toBeGreaterThanOrEqual(acknowledged.snapshotIndex);
  if (image !== null) {
    expect(image.image).toEqual(contentAt(image.mark.position.index).image);
  }
}

it(
  "no sync of the first 500, failing once, makes a false acknowledgement",
  { timeout: TIMEOUT_MS },
  async () => {
    let failedCount = 0;
    for (let failing = 1; failing <= SYNC_COUNT; failing++) {
      const disk = new FakeDisk({ seed: failing });
      const acknowledged: Acknowledged = {
        term: 0,
        votedFor: null,
        words: new Map(),
        snapshotIndex: 0,
        droppedThrough: 0,
      };
      const syncCount = await run(disk, failing, acknowledged);
      if (syncCount >= failing) failedCount++;
      disk.setFault(() => null);
      if (failing % 2 === 0) {
        // The process ends, a new one believes what it reads, and then the power fails.
        disk.crash("process-killed");
        await expectFound(disk, acknowledged);
      }
      disk.crash("power-lost");
      await expectFound(disk, acknowledged);
    }
    expect(failedCount).toBe(SYNC_COUNT);
  },
);
