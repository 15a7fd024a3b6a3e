/** The database as the agent gives it in one answer: for `export --format sqlite`. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { ApiParams } from "../../../shared/api/methods.ts";
import { ok } from "../../../shared/base/result.ts";
import type { AgentClient } from "../agent-client.ts";
import { print, type CommandScope } from "../command.ts";
import { fail, failWith, type CommandResult } from "../failure.ts";
import { formatBytes } from "../text-table.ts";
import { writeWholeFile } from "../whole-file.ts";
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
  try {
    await writeWholeFile(path, [bytes]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return fail(`the export could not be written: ${reason}`);
  }
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const result = { file: path, bytes: bytes.length, sha256, asOf };
  print(scope, result, () => `${path}: ${formatBytes(bytes.length)}, ${describeAsOf(asOf)}\n`);
  return ok(null);
}
