import { randomUUID } from "node:crypto";
import type { ApiError, ApiResult } from "../../../shared/api/methods.ts";
import { formatPosition } from "../../../shared/base/ids.ts";
import { ok, type Result } from "../../../shared/base/result.ts";
import { print, type CommandScope } from "../command.ts";
import { failWith, type CommandResult } from "../failure.ts";
import type { LeaderFollower } from "../leader-follower.ts";
import { formatCount } from "../text-table.ts";

/** What was asked for; `told` prints a preview, and fails when something stands in the way. */
export type UndoImportRequest = {
  readonly importId: string;
  readonly isPreview: boolean;
  readonly told: (answer: Result<ApiResult<"undoImportPreview">, ApiError>) => CommandResult;
};

/** Takes a whole import back: all of it is looked at first, and nothing is done with one conflict. */
export async function undoImport(
  follower: LeaderFollower,
  scope: CommandScope,
  { importId, isPreview, told }: UndoImportRequest,
): Promise<CommandResult> {
  const preview = await follower.client.call("undoImportPreview", { importId });
  if (isPreview || !preview.ok || preview.value.conflicts.length > 0) return told(preview);
  const clientId = randomUUID();
  const dropped: string[] = [];
  const kept: string[] = [];
  const positions: string[] = [];
  let rowCount = 0;
  let before: { beforeIndex?: number } = {};
  for (let sequence = 1; ; sequence += 1) {
    const params = { importId, ...before, clientId, sequence };
    const answer = await follower.call("undoImport", params);
    if (!answer.ok) {
      if (rowCount > 0) {
        const rows = `${formatCount(rowCount)} rows were taken back by then.`;
        scope.terminal.error(`${rows} The same command goes on.\n`);
      }
      return failWith(answer.error);
    }
    const { position, next } = answer.value;
    rowCount += answer.value.rowCount;
    dropped.push(...answer.value.dropped);
    kept.push(...answer.value.kept);
    if (position !== null) positions.push(formatPosition(position));
    if (next === null) break;
    before = { beforeIndex: next };
  }
  print(scope, { importId, rowCount, dropped, kept, positions }, () => {
    const at = positions.length === 0 ? "" : `, at ${positions.join(", ")}`;
    const gone = dropped.length === 0 ? "" : `; dropped again: ${dropped.join(", ")}`;
    return `${formatCount(rowCount)} rows taken back${at}${gone}\n`;
  });
  if (kept.length > 0 && !scope.isJson) {
    scope.terminal.error(`what the import made and is kept: ${kept.join(", ")}\n`);
  }
  return ok(null);
}
