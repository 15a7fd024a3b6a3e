/**
 * Data folders that are not what they were: emptied, restored from an older copy, copied,
 * damaged. Their members are recognised within five seconds, promise nothing meanwhile, and come
 * back by themselves; whatever was acknowledged stays.
 */
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { decodeHardState } from "../../electron/agent/log/hard-state-format.ts";
import { ownerTag } from "../../electron/agent/log/owner-tag.ts";
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { NodeDisk } from "../../electron/agent/platform/node-disk.ts";
import { defined } from "../../shared/base/assert.ts";
import type { SeatEvent } from "../../shared/api/methods.ts";
import { memberId } from "../../shared/base/ids.ts";
import { copyFolder } from "../support/copy-folder.ts";
import { RealCluster } from "../support/real-cluster.ts";
import { RealMember } from "../support/real-member.ts";
import { waitUntil } from "../support/wait-until.ts";

/** How soon a person must be told. */
const TOLD_WITHIN_MS = 5_000;
const ROW_COUNT = 20;

let cluster: RealCluster | null = null;

afterEach(async () => {
  await cluster?.dispose();
  cluster = null;
});

async function voters(count: number): Promise<RealCluster> {
  cluster = await RealCluster.create(count);
  const leader = await cluster.leader();
  await leader.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)");
  return cluster;
}

/** Acknowledged writes, wherever the leader is. @returns how many rows there are then. */
async function write(members: RealCluster, from: number): Promise<number> {
  const leader = await members.leader();
  for (let id = from; id < from + ROW_COUNT; id++) {
    await leader.execute("INSERT INTO notes VALUES (?, ?)", [id, `note ${id}`]);
  }
  return from + ROW_COUNT;
}

/** Waits until a member says that it gave up its seat. It may have a new one by then. */
async function told(member: RealMember): Promise<SeatEvent> {
  return waitUntil(
    `${member.name} says what is wrong with its folder`,
    async () => {
      const history = await member.call("history", {});
      const events = history.ok ? history.value.events : [];
      return events.find((event) => event.type === "seat") ?? null;
    },
    TOLD_WITHIN_MS,
  );
}

/** Waits until everybody is in step, as many vote as before, and every row is there. */
async function recovered(members: RealCluster, rowCount: number): Promise<void> {
  await members.waitTogether();
  await members.verifyIdentical();
  for (const member of members.running()) {
    expect(await member.rows("SELECT count(*) FROM notes")).toEqual([[rowCount]]);
    const { seat } = await waitUntil(`${member.name} is well`, async () => {
      const status = await member.status();
      return status?.seat.state === "ok" && status;
    });
    expect(seat).toEqual({ state: "ok", reason: null, detail: null, since: null });
  }
}

/** The incarnation that a stopped member's disk holds. */
async function heldOnDisk({ dataFolder }: RealMember, id: string): Promise<number | null> {
  const bytes = await readFile(join(dataFolder, "log", "hard-state.1"));
  const decoded = decodeHardState(bytes, ownerTag(memberId(id)));
  if (typeof decoded === "string") throw new Error(`the hard state is ${decoded}`);
  return decoded.state.incarnation;
}

async function idOf(member: RealMember): Promise<string> {
  return (await member.must("status", {})).member.id;
}

async function follower(members: RealCluster): Promise<RealMember> {
  const [first] = await members.followers();
  if (first === undefined) throw new Error("nobody follows");
  return first;
}

/** Flips one byte in the middle of the newest file of the log. */
async function damageLog({ dataFolder }: RealMember): Promise<string> {
  const folder = join(dataFolder, "log");
  const name = (await readdir(folder)).filter((each) => each.endsWith(".seg")).at(-1) ?? "";
  const bytes = await readFile(join(folder, name));
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 0x10;
  await writeFile(join(folder, name), bytes);
  return name;
}

test("a voter whose log was wiped says so, gets a new seat and votes again later", async () => {
  const members = await voters(3);
  const rowCount = await write(members, 0);
  const wiped = await follower(members);
  const id = await idOf(wiped);
  await wiped.kill();
  const before = await heldOnDisk(wiped, id);
  await rm(join(wiped.dataFolder, "log"), { recursive: true });
  await wiped.start();
  expect(await told(wiped)).toMatchObject({ reason: "wiped" });
  await recovered(members, rowCount);
  await wiped.kill();
  expect(await heldOnDisk(wiped, id)).toBeGreaterThan(before ?? 0);
});

test("a voter restored from an older copy is barred by the others and loses nothing", async () => {
  const members = await voters(3);
  const early = await write(members, 0);
  const restored = await follower(members);
  await restored.kill();
  const copy = join(members.folder, "older-copy");
  await copyFolder(restored.dataFolder, copy);
  await restored.start();
  await members.waitTogether();
  const rowCount = await write(members, early);
  await members.waitTogether();
  await restored.kill();
  await rm(restored.dataFolder, { recursive: true });
  await copyFolder(copy, restored.dataFolder);
  await restored.start();
  const seat = await told(restored);
  expect(seat.reason).toMatch(/^(missing-entries|older-term)$/);
  expect(seat.sentence).toMatch(/older than it should be/);
  await recovered(members, rowCount);
});

test("a whole room that is restored from copies of one moment works on with what the copies hold", async () => {
  const members = await voters(3);
  const early = await write(members, 0);
  const copyOf = (member: RealMember): string => join(members.folder, `copy of ${member.name}`);
  for (const member of members.members) await member.kill();
  for (const member of members.members) {
    await copyFolder(member.dataFolder, copyOf(member));
  }
  for (const member of members.members) await member.start();
  await members.waitTogether();
  await write(members, early);
  for (const member of members.members) await member.kill();
  for (const member of members.members) {
    await rm(member.dataFolder, { recursive: true });
    await copyFolder(copyOf(member), member.dataFolder);
  }
  for (const member of members.members) await member.start();
  await recovered(members, early);
  await recovered(members, await write(members, early));
  for (const member of members.members) {
    const logged = await readFile(join(member.dataFolder, "tidemark.log"), "utf8");
    expect(logged).not.toMatch(/seat-given-up|seat-doubted/);
  }
});

test("of a data folder that runs twice the later one stands back, and both sides say so", async () => {
  const members = await voters(3);
  const rowCount = await write(members, 0);
  const original = await follower(members);
  await original.kill();
  const copy = new RealMember("Copy", join(members.folder, "copied"));
  await copyFolder(original.dataFolder, copy.dataFolder);
  await original.start();
  await members.waitTogether();
  try {
    await copy.start();
    expect(await told(copy)).toMatchObject({ state: "copy", reason: "copy" });
    await recovered(members, rowCount);
    // It had not heard yet that the last one was confirmed when it was copied.
    const [[seen] = []] = await copy.rows("SELECT count(*) FROM notes");
    expect(seen).toBeGreaterThanOrEqual(rowCount - 1);
    const leader = await members.leader();
    const logged = await readFile(join(leader.dataFolder, "tidemark.log"), "utf8");
    expect(logged).toMatch(/seat-doubted.*copy of .* was started on another computer/);
    await copy.leave();
    const { link } = await leader.must("invite", { role: "mirror" });
    const joined = await copy.command("join", link, "--replace", "--member-name", copy.name);
    expect(joined).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(copy.dataFolder, "replaced-1"))).toContain("identity");
    await copy.start();
    await waitUntil("the copy is a computer of its own", async () => {
      const status = await copy.status();
      return status?.seat.state === "ok" && status.lag.leaderReachable && status.lag.entries === 0;
    });
    expect(await copy.rows("SELECT count(*) FROM notes")).toEqual([[rowCount]]);
    expect(await idOf(copy)).not.toBe(await idOf(original));
  } finally {
    await copy.kill();
  }
});

test("a voter with one wrong byte in its log puts it aside and is filled from the others", async () => {
  const members = await voters(3);
  const rowCount = await write(members, 0);
  const damaged = await follower(members);
  await damaged.kill();
  const file = await damageLog(damaged);
  await damaged.start();
  const seat = await told(damaged);
  expect(seat).toMatchObject({ reason: "damaged" });
  expect(seat.sentence).toContain(file);
  await recovered(members, rowCount);
});

test("a single member with a damaged log reads what is whole, writes nothing and goes on when the loss is accepted", async () => {
  const members = await voters(1);
  await write(members, 0);
  const [alone] = members.members;
  if (alone === undefined) throw new Error("there is one member");
  await alone.leave();
  const file = await damageLog(alone);
  const folder = join(alone.dataFolder, "log");
  const untouched = await readFile(join(folder, file));
  await alone.start();

  const status = await alone.must("status", {});
  expect(status.storage.state).toBe("damaged");
  expect(status.storage.detail).toContain(file);
  expect(status.seat).toMatchObject({ state: "damaged", reason: "damaged" });
  const [[whole] = []] = await alone.rows("SELECT count(*) FROM notes");
  expect(whole).toBeGreaterThan(0);
  expect(whole).toBeLessThan(ROW_COUNT);
  const refused = await alone.call("execute", { statements: [{ sql: "DELETE FROM notes" }] });
  expect(refused).toMatchObject({ ok: false, error: { code: "log-damaged" } });
  const backup = await alone.command("backup", join(members.folder, "whole.sqlite"));
  expect(backup).toMatchObject({ exitCode: 0 });
  expect(await readFile(join(folder, file))).toEqual(untouched);

  await alone.leave();
  const shown = await alone.command("repair");
  expect(shown.out).toContain(file);
  expect((await alone.command("repair", "--accept-loss")).exitCode).toBe(0);
  await alone.start();
  expect((await alone.must("status", {})).seat.state).toBe("ok");
  expect(await alone.rows("SELECT count(*) FROM notes")).toEqual([[whole]]);
  await (await members.leader()).execute("INSERT INTO notes VALUES (1000, 'after')");
});

test("a single member whose log lost its beginning still starts, says what is missing and goes on when the loss is accepted", async () => {
  const members = await voters(1);
  const [alone] = members.members;
  if (alone === undefined) throw new Error("there is one member");
  const id = await idOf(alone);
  await write(members, 0);
  await alone.leave();
  const log = join(alone.dataFolder, "log");
  await loseBeginning(alone, id);
  const untouched = await contentOf(log);
  await alone.start();
  const status = await alone.must("status", {});
  expect(status.storage).toMatchObject({ state: "damaged" });
  expect(status.storage.detail).toMatch(/begins at \d+, after the newest whole snapshot/);
  const refused = await alone.call("execute", { statements: [{ sql: "CREATE TABLE t (a)" }] });
  expect(refused).toMatchObject({ ok: false, error: { code: "log-damaged" } });
  await alone.leave();
  expect((await alone.command("repair")).out).toMatch(/the file is missing \(entries 1 to \d+\)/);
  expect(await contentOf(log)).toEqual(untouched);
  expect((await alone.command("repair", "--accept-loss")).exitCode).toBe(0);
  await alone.start();
  await (await members.leader()).execute("CREATE TABLE t (a)");
  expect((await alone.must("status", {})).storage.state).toBe("ok");
});

/** Every entry up to the last is gone, and no snapshot stands in for them. */
async function loseBeginning(member: RealMember, id: string): Promise<void> {
  const disk = new NodeDisk(member.dataFolder, () => 0);
  const logger = { info: () => undefined, warn: () => undefined };
  const options = { disk, folder: "log", self: memberId(id), logger };
  const opened = await ReplicationLog.open(options);
  if (!opened.ok) throw new Error(opened.error.detail);
  const { log, commitIndex } = opened.value;
  const position = { index: commitIndex, term: defined(log.termAt(commitIndex), "it is stored") };
  await log.resetTo(position, new Uint8Array(16));
  await log.close();
}

/** Every file of a folder. */
async function contentOf(folder: string): Promise<readonly (readonly [string, Buffer])[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map(async (name) => [name, await readFile(join(folder, name))] as const),
  );
}
