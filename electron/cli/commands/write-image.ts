/** The database as the agent gives it in one answer: for `export --format sqlite`. */
import { createHash } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { ApiParams } from "../../../shared/api/methods.ts";
import { ok, type Result } from "../../../shared/base/result.ts";
import type { AgentClient } from "../agent-client.ts";
import { print, type CommandScope } from "../command.ts";
import { fail, failWith, type CliFailure, type CommandResult } from "../failure.ts";
import { formatBytes } from "../text-table.ts";
import { describeAsOf } from "./sql.ts";

const SQLITE_MAGIC = "SQLite format 3\0";

/** Writes an image of the database, or of some tables; the file is there as a whole or not at all. */
export async function writeImage(
  client: AgentClient,
  scope: CommandScope,
  file: string,
  wanted: ApiParams<"backup">,
): Promise<CommandResult> {
  const answer = await client.call("backup", wanted);
  if (!answer.ok) return failWith(answer.error);
  const { image, asOf } = answer.value;
  const bytes = Buffer.from(image.$blob, "base64");
  if (bytes.subarray(0, 16).toString("latin1") !== SQLITE_MAGIC) {
    return fail("the agent's answer is no SQLite file; nothing was written.");
  }
  const path = resolve(file);
  const written = await writeAtomically(path, bytes);
  if (!written.ok) return written;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const result = { file: path, bytes: bytes.length, sha256, asOf };
  print(scope, result, () => `${path}: ${formatBytes(bytes.length)}, ${describeAsOf(asOf)}\n`);
  return ok(null);
}

/** Written aside, synced, renamed, and the folder synced: as every file that must not be half. */
async function writeAtomically(path: string, bytes: Uint8Array): Promise<Result<null, CliFailure>> {
  const aside = `${path}.part-${process.pid}`;
  try {
    const file = await open(aside, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
    await syncFolder(dirname(path));
    return ok(null);
  } catch (cause) {
    await rm(aside, { force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    return fail(`the backup could not be written: ${reason}`);
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return; // Folders cannot be opened there; NTFS logs renames.
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
