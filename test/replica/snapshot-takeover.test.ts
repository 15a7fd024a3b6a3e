import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import type { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import type { Store } from "../../electron/agent/ports.ts";
import type { Applier } from "../../electron/agent/replica/applier.ts";
import type { RaftDriver } from "../../electron/agent/replica/raft-driver.ts";
import { SnapshotTransfers } from "../../electron/agent/replica/snapshot-transfers.ts";
import { POSITION_ZERO, logIndex, memberId, term } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { MemberMessage } from "../../shared/protocol/messages.ts";
import { encodeConfiguration } from "../../shared/raft/configuration.ts";
import type { RaftStatus } from "../../shared/raft/types.ts";
import { silentLogger, value } from "../log/log-fixtures.ts";
import { contentAt, markAt } from "../log/snapshot-fixtures.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const LEADER = memberId("leader");

async function filesOf(): Promise<SnapshotFiles> {
  const folder = { disk: new FakeDisk(), folder: "snapshots", logger: silentLogger };
  return value(await SnapshotFiles.open(folder));
}

/** A member whose core takes every snapshot, and notes what is done with log and database. */
async function receiver() {
  const steps: string[] = [];
  const sent: MemberMessage[] = [];
  const world = { isDiskBroken: false, steps, sent };
  const note = (step: string) => () => void steps.push(step);
  const transfers = new SnapshotTransfers({
    ...{ clock: new VirtualClock(), logger: silentLogger, files: await filesOf() },
    store: {
      call: (method: string) => {
        steps.push(method);
        return Promise.resolve(ok({ applied: POSITION_ZERO, checksum: "" }));
      },
    } as unknown as Store,
    log: {
      firstIndex: logIndex(1),
      resetTo: () => {
        steps.push("reset");
        const refusal = { code: "storage-full", detail: "ENOSPC" } as const;
        return Promise.resolve(world.isDiskBroken ? err(refusal) : ok(null));
      },
    } as unknown as ReplicationLog,
    applier: {
      suspend: () => Promise.resolve(note("suspend")()),
      resume: note("resume"),
    } as unknown as Applier,
    driver: { input: () => true } as unknown as RaftDriver,
    raftStatus: () => ({ term: term(5) }) as RaftStatus,
    sources: () => [],
    isConnected: () => true,
    send: (_, message) => sent.push(message) > 0,
    prepare: () => Promise.resolve(),
    exclusively: (work) => work(),
  });
  return { ...world, transfers, world };
}

type Receiver = Awaited<ReturnType<typeof receiver>>;

/** The leader sends one whole. @returns how that ended. */
async function give({ transfers, sent }: Receiver, index: number, transferId: number) {
  const source = await filesOf();
  value(await source.write(contentAt(index)));
  const reader = value(await source.openLatest()) ?? expect.fail("it was written");
  const { mark, bodyBytes: sizeBytes, sha256 } = reader.info;
  const configuration = encodeConfiguration(mark.configuration);
  transfers.onMessage(LEADER, {
    ...{ type: "snapshot-begin", transferId, term: term(5), sizeBytes, sha256 },
    mark: { position: mark.position, configuration },
  });
  const bytes = reader.readChunk(0, sizeBytes);
  transfers.onMessage(LEADER, {
    ...{ type: "snapshot-chunk", transferId, offset: 0, bytes, crc32: crc32(bytes) },
  });
  const ended = (message: MemberMessage) =>
    message.type === "snapshot-end" && message.transferId === transferId ? [message.outcome] : [];
  for (let turn = 0; turn < 50; turn++) await new Promise((resume) => setImmediate(resume));
  return sent.flatMap(ended);
}

test("nothing is applied from before the database is replaced until log and database fit", async () => {
  const member = await receiver();
  expect(await give(member, 20, 1)).toEqual(["complete"]);
  expect(await member.transfers.install(markAt(20))).toBeNull();
  expect(member.steps).toEqual(["suspend", "load", "reset", "resume"]);
});

test("a log that cannot be emptied is told, and nothing is applied until it is", async () => {
  const member = await receiver();
  await give(member, 20, 1);
  member.world.isDiskBroken = true;
  expect(await member.transfers.install(markAt(20))).toMatchObject({ code: "storage-full" });
  expect(member.steps).toEqual(["suspend", "load", "reset"]);
  member.world.isDiskBroken = false;
  expect(await member.transfers.install(markAt(20))).toBeNull();
  expect(member.steps.at(-1)).toBe("resume");
});

test("the next one is taken once the one before is installed, and not sooner", async () => {
  const member = await receiver();
  await give(member, 20, 1);
  expect(await give(member, 30, 2)).toEqual(["cancelled"]);
  expect(await member.transfers.install(markAt(20))).toBeNull();
  expect(await give(member, 30, 3)).toEqual(["complete"]);
});
