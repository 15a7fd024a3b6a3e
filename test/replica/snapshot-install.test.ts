/**
 * A member falls far behind, gets a snapshot, and its process or its power ends at every step of
 * the disk on the way from "the core took it" to "installed". It must start again from either
 * side of that, vouch for what it vouched for before, and be able to finish.
 */
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import type { SnapshotContent } from "../../electron/agent/log/snapshots.ts";
import type { Store } from "../../electron/agent/ports.ts";
import { Applier } from "../../electron/agent/replica/applier.ts";
import { openFiles } from "../../electron/agent/replica/open-files.ts";
import type { OpenedFiles } from "../../electron/agent/replica/open-files.ts";
import { DEFAULT_SETTINGS } from "../../electron/agent/replica/replica-context.ts";
import type { ReplicaOptions } from "../../electron/agent/replica/replica-context.ts";
import type { RaftDriver } from "../../electron/agent/replica/raft-driver.ts";
import { SnapshotTransfers } from "../../electron/agent/replica/snapshot-transfers.ts";
import { AddressBook } from "../../electron/agent/transport/address-book.ts";
import { POSITION_ZERO, clusterId, logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { Position } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import { seededRng } from "../../shared/base/rng.ts";
import type { Configuration } from "../../shared/raft/types.ts";
import { entriesBetween, silentLogger, value } from "../log/log-fixtures.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import type { CrashKind } from "../support/fake-disk.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const SELF = memberId("n1");
const AT: Position = { term: term(3), index: logIndex(20) };
const LATER: Position = { term: term(4), index: logIndex(30) };

const MEMBERS = ["n1", "n2", "n3"].map(memberId);

const configuration: Configuration = {
  seats: MEMBERS.map((id) => ({
    id,
    kind: "voter",
    incarnation: 0,
    context: new Uint8Array(0),
  })),
};

/** The first byte of an image tells where it stands; that is all this store knows. */
function contentAt(position: Position): SnapshotContent {
  const image = new Uint8Array(900).fill(position.term);
  image[0] = position.index;
  const chainHash = new Uint8Array(16).fill(position.index);
  return { mark: { position, configuration }, image, checksum: "c0ffee", chainHash };
}

function storeOf(): Store {
  const call = (_method: string, params: { readonly image?: Uint8Array | null }) => {
    const [index = 0, atTerm = 0] = params.image ?? [];
    const applied = index === 0 ? POSITION_ZERO : { term: term(atTerm), index: logIndex(index) };
    return Promise.resolve(ok({ applied, checksum: "c0ffee" }));
  };
  return { call, close: () => Promise.resolve() } as unknown as Store;
}

function optionsOf(disk: FakeDisk): ReplicaOptions {
  const unused = () => Promise.reject(new Error("not used here"));
  const network = { listenAddress: null, listen: unused, dial: unused, close: unused };
  return {
    ports: {
      clock: new VirtualClock(),
      random: { rng: seededRng(1), bytes: (count) => new Uint8Array(count) },
      disk,
      folders: { open: () => disk, freeBytes: () => Promise.resolve(null) },
      network,
      discovery: { start: () => undefined, close: unused },
      store: storeOf(),
      openScratchStore: storeOf,
      logger: silentLogger,
    },
    self: SELF,
    record: {
      ...{ id: clusterId("c"), name: "c", timeline: 1, memberName: "n1" },
      ...{ initial: configuration, known: MEMBERS, begun: true, withdrawal: null },
    },
    settings: DEFAULT_SETTINGS,
    version: "0.0.0",
    httpUrl: () => null,
    addressBook: new AddressBook(null, () => undefined),
    makeInvite: () => Promise.resolve(err({ code: "bad-request", message: "not used here" })),
    manualPeers: [],
    saveRecord: () => Promise.resolve(ok(null)),
    folder: "test",
    onBroken: () => undefined,
  };
}

/** Opens the folder as a starting agent does; it must always be able to. */
async function start(disk: FakeDisk): Promise<OpenedFiles> {
  const opened = await openFiles(optionsOf(disk));
  if (!opened.ok) throw new Error(`${opened.error.code}: ${opened.error.detail}`);
  return opened.value;
}

/** A disk with term 2, five entries of term 1, and every promise kept. */
async function memberWithFive(seed: number): Promise<FakeDisk> {
  const disk = new FakeDisk({ seed });
  const hardState = { term: term(2), votedFor: memberId("n2"), incarnation: 0 };
  // The seat's first start notes its incarnation; from then on it is there.
  const { log } = await startFresh(disk);
  value(await log.persist({ hardState, entries: entriesBetween(1, 5) }));
  await log.close();
  return disk;
}

async function startFresh(disk: FakeDisk): Promise<OpenedFiles> {
  const options = optionsOf(disk);
  const opened = await openFiles({ ...options, record: { ...options.record, begun: false } });
  if (!opened.ok) throw new Error(opened.error.detail);
  return opened.value;
}

/** Receives a snapshot, and installs it as the driver does. @returns whether all went well. */
async function receiveAndInstall(files: OpenedFiles, at: Position): Promise<boolean> {
  const sender = value(await sending(at));
  const { mark, bodyBytes, sha256 } = sender.info;
  const begun = await files.snapshots.beginReceive({ mark, bodyBytes, sha256 });
  if (!begun.ok) return false;
  const receiver = begun.value;
  while (!receiver.isComplete) {
    const piece = sender.reader.readChunk(receiver.offset, 300);
    const written = await receiver.write(receiver.offset, piece, crc32(piece));
    if (!written.ok) return false;
  }
  if (!(await receiver.finish()).ok) return false;
  const hardState = { ...hardStateNow(files), term: at.term, votedFor: null };
  if (!(await files.log.persist({ hardState, entries: [] })).ok) return false;
  return (await transfersOf(files).install(mark)) === null;
}

function hardStateNow({ raft }: OpenedFiles) {
  const { term: atTerm, votedFor, incarnation } = raft.status();
  return { term: atTerm, votedFor, incarnation };
}

async function sending(at: Position) {
  const folder = { disk: new FakeDisk(), folder: "snapshots", logger: silentLogger };
  const files = value(await SnapshotFiles.open(folder));
  const info = value(await files.write(contentAt(at)));
  const reader = value(await files.openLatest());
  return reader === null ? err({ code: "none", detail: "nothing" }) : ok({ info, reader });
}

function transfersOf({ log, snapshots, storePosition }: OpenedFiles): SnapshotTransfers {
  const store = storeOf();
  const applier = new Applier({
    ...{ store, log, logger: silentLogger },
    onApplied: () => undefined,
    onDiverged: () => undefined,
    onStoreLost: () => undefined,
  });
  applier.resume(storePosition, storePosition.applied.index);
  return new SnapshotTransfers({
    ...{ clock: new VirtualClock(), logger: silentLogger, store, log, files: snapshots, applier },
    driver: {} as RaftDriver,
    raftStatus: () => {
      throw new Error("not asked while installing");
    },
    sources: () => [],
    isConnected: () => true,
    send: () => true,
    prepare: () => Promise.resolve(),
    exclusively: (work) => work(),
  });
}

function expectSane(files: OpenedFiles, installed: Position | null): void {
  const status = files.raft.status();
  expect(files.withdrawal).toBeNull();
  expect(status.incarnation).toBe(0);
  const { index } = installed ?? { index: 0 };
  expect(files.storePosition.applied.index).toBe(index);
  expect(status.commitIndex).toBeGreaterThanOrEqual(index);
  expect(files.log.lastIndex).toBe(installed === null ? 5 : index);
  // What it had promised in term 2 it still knows, or it is in a later term.
  if (status.term === 2) expect(status.votedFor).toBe("n2");
  expect(status.term).toBeGreaterThanOrEqual(Math.max(2, installed?.term ?? 0));
}

function installedIn(files: OpenedFiles): Position | null {
  return files.snapshots.latest()?.mark.position ?? null;
}

describe("an install that ends in the middle", () => {
  test.each<CrashKind>(["process-killed", "power-lost"])(
    "at every step of the disk (%s) leaves a member that starts and finishes",
    async (kind) => {
      const sides = new Set<string>();
      for (let steps = 1; steps <= 60; steps++) {
        const disk = await memberWithFive(steps);
        const files = await start(disk);
        disk.haltAfter(steps);
        const isDone = await receiveAndInstall(files, AT);
        disk.crash(kind);
        const again = await start(disk);
        const installed = installedIn(again);
        expectSane(again, installed);
        if (isDone) expect(installed).toEqual(AT);
        sides.add(isDone ? "done" : installed === null ? "before" : "after");
        if (installed === null) expect(await receiveAndInstall(again, AT)).toBe(true);
        await again.log.close();
        expectSane(await start(disk), AT);
      }
      expect([...sides].sort()).toEqual(["after", "before", "done"]);
    },
  );

  test("also when it is the second of two in a row", async () => {
    for (let steps = 1; steps <= 40; steps++) {
      const disk = await memberWithFive(steps);
      const files = await start(disk);
      expect(await receiveAndInstall(files, AT)).toBe(true);
      disk.haltAfter(steps);
      const isDone = await receiveAndInstall(files, LATER);
      disk.crash("power-lost");
      const again = await start(disk);
      const installed = installedIn(again);
      expect(isDone ? [30] : [20, 30]).toContain(installed?.index);
      expectSane(again, installed);
      if (installed?.index === 20) expect(await receiveAndInstall(again, LATER)).toBe(true);
      await again.log.close();
      expectSane(await start(disk), LATER);
    }
  });

  test("by a full disk can be repeated once there is room", async () => {
    for (let freeBytes = 0; freeBytes < 4000; freeBytes += 250) {
      const disk = await memberWithFive(1);
      const files = await start(disk);
      disk.setFreeBytes(freeBytes);
      const isDone = await receiveAndInstall(files, AT);
      disk.setFreeBytes(Infinity);
      if (!isDone) expect(await receiveAndInstall(files, AT)).toBe(true);
      await files.log.close();
      expectSane(await start(disk), AT);
    }
  });
});

test("a member that was given a new seat starts on a full disk, where the note of the old one stays", async () => {
  const disk = await memberWithFive(1);
  const { log } = await start(disk);
  value(await log.saveHardState({ term: term(2), votedFor: memberId("n2"), incarnation: 40 }));
  await log.close();
  const options = optionsOf(disk);
  const withdrawal = {
    incarnation: 39,
    reason: "older-term",
    detail: "of yesterday",
    atMs: 1,
  } as const;
  const opened = await openFiles({
    ...options,
    record: { ...options.record, withdrawal },
    saveRecord: () => Promise.resolve(err({ code: "storage-full", detail: "no room" })),
  });
  const files = value(opened);
  expect([files.raft.status().incarnation, files.withdrawal]).toEqual([40, null]);
  await files.log.close();
});

test("a snapshot that is gone when it should be installed is not replaced by an older one", async () => {
  const files = await start(await memberWithFive(1));
  expect(await receiveAndInstall(files, AT)).toBe(true);
  // The core took the later one, and the disk has lost it since.
  const failed = await transfersOf(files).install(contentAt(LATER).mark);
  expect(failed?.code).toBe("storage-failed");
  expect([files.log.firstIndex, files.log.lastIndex]).toEqual([AT.index + 1, AT.index]);
});
