/**
 * Data folders and ports that a member must not, or cannot, run on: one sentence and an exit
 * code, and the folder is left as it was.
 */
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RealCluster } from "../support/real-cluster.ts";
import { RealMember } from "../support/real-member.ts";
import { mountSmallDisk } from "../support/small-disk.ts";
import { expectComplaint } from "./complaint.ts";

let cluster: RealCluster;
let member: RealMember;

beforeEach(async () => {
  cluster = await RealCluster.create(1);
  member = cluster.member(0);
});

afterEach(() => cluster.dispose());

async function lastSegment(): Promise<string> {
  const folder = join(member.dataFolder, "log");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".seg")).sort();
  return join(folder, names.at(-1) ?? "");
}

async function writeNotes(): Promise<void> {
  await member.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  for (let i = 0; i < 20; i++) await member.execute("INSERT INTO notes(text) VALUES ('note')");
}

/** Says that its log is damaged, and takes no write. */
async function expectReadOnly(): Promise<void> {
  const { storage, canWrite } = await member.must("status", {});
  expect(storage).toMatchObject({ state: "damaged", detail: expect.stringMatching(/\.seg, /) });
  expect(canWrite).toBe(false);
  const refused = await member.call("execute", { statements: [{ sql: "DELETE FROM notes" }] });
  expect(refused).toMatchObject({ ok: false, error: { code: "log-damaged" } });
}

async function occupyPort(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, port };
}

test("a port that another program holds is named with the option that changes it", async () => {
  await member.leave();
  const { server, port } = await occupyPort();
  try {
    for (const option of ["--listen", "--http"]) {
      const refused = await member.tryStart([option, `127.0.0.1:${port}`]);
      expectComplaint(refused, {
        exitCode: 1,
        says: new RegExp(`${port}.*by another program.*${option}`),
      });
    }
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  await member.start();
});

test("a second process on a data folder is refused and the first goes on", async () => {
  const second = new RealMember("Second", member.dataFolder);
  expectComplaint(await second.tryStart(), { exitCode: 1, says: /Another Tidemark uses/ });
  await member.execute("CREATE TABLE still_here (id INTEGER PRIMARY KEY)");
  await member.kill();
  // The lock of a killed process keeps nobody out.
  await member.start();
});

test("a data folder that is a file, or on a read-only disk, is refused", async (context) => {
  const file = join(cluster.folder, "file");
  await writeFile(file, "not a folder");
  const create = (folder: string) => new RealMember("New", folder).command("create", "--name", "X");
  expectComplaint(await create(file), { exitCode: 1, says: new RegExp(file) });
  expect(await readFile(file, "utf8")).toBe("not a folder");

  const disk = await mountSmallDisk(join(cluster.folder, "disk"), 4);
  if (disk === null) return context.skip("this user may not mount a disk");
  try {
    await disk.makeReadOnly();
    expectComplaint(await create(disk.folder), { exitCode: 1, says: /cannot be written/ });
  } finally {
    await disk.unmount();
  }
});

test("commands for a folder where no agent runs say how to start one", async () => {
  await member.leave();
  for (const command of ["status", "verify", "lag"]) {
    const outcome = await member.command(command);
    expectComplaint(outcome, { exitCode: 1, says: /start it with: tidemark serve/ });
  }
  await mkdir(join(cluster.folder, "empty"));
  const nobody = new RealMember("Nobody", join(cluster.folder, "empty"));
  expectComplaint(await nobody.command("status"), { exitCode: 1, says: /No agent runs/ });
});

test("half a log can only be read: what was committed in the other half is not forgotten silently", async () => {
  await writeNotes();
  await member.leave();
  const path = await lastSegment();
  const whole = await readFile(path);
  const half = whole.subarray(0, Math.floor(whole.length / 2));
  await writeFile(path, half);
  await member.start();
  await expectReadOnly();
  expect(await readFile(path)).toEqual(half);
  await member.leave();
  await writeFile(path, whole);
  await member.start();
  await cluster.verifyIdentical();
  expect(await member.rows("SELECT count(*) FROM notes")).toEqual([[20]]);
});

test("with one wrong byte in the middle of its log a lone member only reads, and the log is not touched", async () => {
  await writeNotes();
  await member.leave();
  const path = await lastSegment();
  const bytes = await readFile(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 0x10;
  await writeFile(path, bytes);
  await member.start();
  await expectReadOnly();
  expect(await readFile(path)).toEqual(bytes);
});

test("what a crash left half-written at the log's very end is cut off, and everything acknowledged is there", async () => {
  await writeNotes();
  await member.kill();
  const path = await lastSegment();
  const bytes = await readFile(path);
  // The beginning of a record, as a write leaves it that the power cut interrupted.
  const torn = bytes.subarray(bytes.length - 60, bytes.length - 20);
  await writeFile(path, Buffer.concat([bytes, torn]));
  await member.start();
  await cluster.verifyIdentical();
  expect(await member.rows("SELECT count(*) FROM notes")).toEqual([[20]]);
});

test("a cluster record that is half a file has a copy, and is refused with its name when that is half, too", async () => {
  await member.leave();
  const path = join(member.dataFolder, "cluster.json");
  const copy = join(member.dataFolder, "cluster.copy.json");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.slice(0, text.length / 2));
  await member.start();
  await cluster.verifyIdentical();
  await member.leave();
  await writeFile(path, text.slice(0, text.length / 2));
  await writeFile(copy, text.slice(0, text.length / 2));
  expectComplaint(await member.tryStart(), { exitCode: 1, says: /cluster\.json/ });
});
