/** Sends an import's batches to the leader, and says in words why an import ended. */
import type { ApiError } from "../../shared/api/methods.ts";
import { err } from "../../shared/base/result.ts";
import {
  refusedRow,
  type ImportFailure,
  type ImportRequest,
  type ImportTotals,
} from "../../shared/interchange/import-run.ts";
import { describeProblem } from "../../shared/interchange/problem.ts";
import { exitCodeOf, fail, failWith, type CliFailure } from "./failure.ts";
import type { LeaderFollower } from "./leader-follower.ts";
import { formatCount } from "./text-table.ts";

/** How batches are sent, to whoever leads. */
export function sendBatch(follower: LeaderFollower): ImportRequest<ApiError>["insert"] {
  return async (params) => {
    const answer = await follower.call("insertRows", params);
    return answer.ok ? answer : err({ error: answer.error, ...refusedRow(answer.error) });
  };
}

/** Why it ended, how far it came, and how to take that back. */
export function describeImportFailure(
  failure: ImportFailure<ApiError>,
  { importId, totals }: { readonly importId: string; readonly totals: ImportTotals },
): { readonly ok: false; readonly error: CliFailure } {
  const { rowCount } = totals;
  const imported = rowCount === 0 ? "No row" : `${formatCount(rowCount)} rows`;
  const takeBack = rowCount === 0 ? "" : ` To take them back: tidemark undo --import ${importId}`;
  const rest = `${imported} had been imported by then.${takeBack}`;
  switch (failure.type) {
    case "file":
      if (failure.problem.code === "stopped") return fail(`Stopped. ${rest}`);
      return fail(`${describeProblem(failure.problem)} ${rest}`);
    case "row": {
      const code = failure.error === null ? 1 : exitCodeOf(failure.error.code);
      return fail(`${describeProblem(failure.bad)}. ${rest}`.replace(/\.\.+ /, ". "), code);
    }
    case "refused": {
      const said = failWith(failure.error).error;
      return fail(`${said.message} ${rest}`, said.exitCode);
    }
  }
}
