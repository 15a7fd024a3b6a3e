import type { ApiError, ApiResult } from "../../../shared/api/methods.ts";
import { formatPosition } from "../../../shared/base/ids.ts";
import { ok, type Result } from "../../../shared/base/result.ts";
import type { AgentClient } from "../agent-client.ts";
import { print, type CommandScope } from "../command.ts";
import { failWith, type CommandResult } from "../failure.ts";
import { formatCount } from "../text-table.ts";

/** What was asked for; `told` prints a preview, and fails when something stands in the way. */
export type UndoImportRequest = {
  readonly importId: string;
  readonly isPreview: boolean;
  readonly told: (answer: Result<ApiResult<"undoImportPreview">, ApiError>) => CommandResult;
};

/** Takes a whole import back: all of it is looked at first, and nothing is done with one conflict. */
export async function undoImport(
  client: AgentClient,
  scope: CommandScope,
  { importId, isPreview, told }: UndoImportRequest,
): Promise<CommandResult> {
  const preview = await client.call("undoImportPreview", { importId });
  if (isPreview || !preview.ok || preview.value.conflicts.length > 0) return told(preview);
  const dropped: string[] = [];
  const positions: string[] = [];
  let rowCount = 0;
  for (let before: { beforeIndex?: number } = {}; ;) {
    const answer = await client.call("undoImport", { importId, ...before });
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
    if (position !== null) positions.push(formatPosition(position));
    if (next === null) break;
    before = { beforeIndex: next };
  }
  const result = { importId, rowCount, dropped, positions };
  print(scope, result, () => {
    const at = positions.length === 0 ? "" : `, at ${positions.join(", ")}`;
    const gone = dropped.length === 0 ? "" : `; dropped again: ${dropped.join(", ")}`;
    return `${formatCount(rowCount)} rows taken back${at}${gone}\n`;
  });
  const kept = preview.value.made.filter((name) => !dropped.includes(name));
  if (kept.length > 0 && !scope.isJson) {
    scope.terminal.error(`what the import made and is kept: ${kept.join(", ")}\n`);
  }
  return ok(null);
}
