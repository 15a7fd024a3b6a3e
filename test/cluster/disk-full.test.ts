/**
 * A disk that runs full under a member: writes are refused by name, reading goes on, and room is
 * enough for writing to go on. The disk is a small tmpfs; where it may not be mounted, these
 * tests are skipped.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RealMember } from "../support/real-member.ts";
import { mountSmallDisk } from "../support/small-disk.ts";
import type { SmallDisk } from "../support/small-disk.ts";
import { waitUntil } from "../support/wait-until.ts";
import { expectComplaint } from "./complaint.ts";

const DISK_MEBIBYTES = 24;
const BALLAST_BYTES = 12 * 1024 * 1024;
const NOTE_BYTES = 300_000;
const NOTE_COUNT_MAX = 200;

let folder: string;
let disk: SmallDisk | null;
let member: RealMember;

beforeEach(async (context) => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-full-"));
  disk = await mountSmallDisk(join(folder, "disk"), DISK_MEBIBYTES);
  if (disk === null) return context.skip("this user may not mount a disk");
  await writeFile(ballast(), new Uint8Array(BALLAST_BYTES));
  member = new RealMember("Desk", join(disk.folder, "data"));
  await member.command("create", "--name", "Clinic", "--member-name", "Desk");
  await member.start();
  await member.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, image BLOB)");
});

afterEach(async () => {
  if (disk !== null) {
    await member.kill();
    await disk.unmount();
  }
  await rm(folder, { recursive: true, force: true });
});

function ballast(): string {
  return join(folder, "disk", "ballast");
}

function addNote(): ReturnType<typeof member.call<"execute">> {
  const sql = `INSERT INTO notes(image) VALUES (zeroblob(${NOTE_BYTES}))`;
  return member.call("execute", { statements: [{ sql }] });
}

/** Writes until a write is refused. @returns how many were acknowledged, and the refusal. */
async function fill(): Promise<{ readonly count: number; readonly code: string }> {
  for (let count = 0; count < NOTE_COUNT_MAX; count++) {
    const answer = await addNote();
    if (!answer.ok) return { count, code: answer.error.code };
  }
  throw new Error("the disk never ran full");
}

/** @param readLevel `linearizable` after a restart: the newest of what was ever acknowledged. */
async function noteCount(readLevel: "local" | "linearizable"): Promise<number> {
  const sql = "SELECT count(*) FROM notes";
  return Number((await member.must("query", { sql, readLevel })).rows[0]?.[0]);
}

test("a full disk refuses writes with storage-full, keeps reading, and writes again when there is room", async () => {
  const { count, code } = await fill();
  // The write that met the end of the disk may have been half-way through.
  expect(["storage-full", "unknown-outcome", "no-quorum"]).toContain(code);
  const status = await waitUntil("the status tells of it", async () => {
    const found = await member.status();
    return found?.storage.state === "full" && found;
  });
  expect(status.canWrite).toBe(false);
  const refused = await addNote();
  expect(refused.ok ? "ok" : refused.error.code).toBe("storage-full");
  const seen = await noteCount("local");
  expect(seen).toBeGreaterThanOrEqual(count);
  expect(seen).toBeLessThanOrEqual(count + 1);
  const command = await member.command("sql", "DELETE FROM notes");
  expectComplaint(command, { exitCode: 1, says: /disk is full/ });

  await rm(ballast());
  await waitUntil("writing goes on by itself", async () => (await addNote()).ok);
  const after = await noteCount("linearizable");
  await member.kill();
  await member.start();
  await waitUntil("it leads again", async () => (await member.status())?.canWrite === true);
  expect(await noteCount("linearizable")).toBe(after);
  expect(await member.must("verify", {})).toMatchObject({ isIdentical: true });
});

test("a member starts on a full disk, shows what it has, and writes when there is room", async () => {
  const { count } = await fill();
  await member.kill();
  await fillRest();
  await member.start();
  await waitUntil("it shows what it has", async () => (await noteCount("local")) >= count);
  expect((await addNote()).ok).toBe(false);
  await rm(ballast());
  await rm(join(folder, "disk", "rest"), { force: true });
  await waitUntil("it leads again", async () => (await member.status())?.canWrite === true);
  expect(await noteCount("linearizable")).toBeGreaterThanOrEqual(count);
});

/** Takes the last bytes of the disk. */
async function fillRest(): Promise<void> {
  const rest = join(folder, "disk", "rest");
  for (const size of [1024 * 1024, 64 * 1024, 4096, 1]) {
    for (;;) {
      const isWritten = await writeFile(rest, new Uint8Array(size), { flag: "a" }).then(
        () => true,
        () => false,
      );
      if (!isWritten) break;
    }
  }
}
