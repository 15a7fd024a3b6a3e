import type { ApiError, ApiErrorCode } from "../../shared/api/methods.ts";
import { err, type Result } from "../../shared/base/result.ts";

/** 0 ok, 1 failed, 2 usage, 3 not leader or no quorum, 4 not found. */
export type ExitCode = 0 | 1 | 2 | 3 | 4;

/** Why a command did not do its work: one sentence for stderr, and the exit code. */
export type CliFailure = { readonly exitCode: ExitCode; readonly message: string };

/** What every command answers; it has printed its result by then. */
export type CommandResult = Result<null, CliFailure>;

/** A failure with a sentence of its own. */
export function fail(
  message: string,
  exitCode: ExitCode = 1,
): { readonly ok: false; readonly error: CliFailure } {
  return err({ exitCode, message });
}

/** An error of the agent, said to a person. */
export function failWith(error: ApiError): { readonly ok: false; readonly error: CliFailure } {
  const { leader, message } = error;
  const isNamed = leader === undefined || message.includes(leader.name);
  const where = leader?.address === null ? "" : ` (${leader?.address})`;
  const hint = isNamed ? "" : ` The leader is ${leader.name}${where}.`;
  return fail(`${message}${hint}`, exitCodeOf(error.code));
}

/** The exit code that scripts can rely on. */
export function exitCodeOf(code: ApiErrorCode): ExitCode {
  if (code === "not-leader" || code === "no-quorum") return 3;
  if (code === "not-found" || code === "too-old") return 4;
  return code === "bad-request" ? 2 : 1;
}
