import type { ClientError, ClientErrorCode } from "../agent/client.ts";
import { errorTexts } from "../text/en.ts";

/** A failure ready to be shown. */
export type Failure = {
  readonly code: ClientErrorCode;
  readonly what: string;
  /** SQLite's own words, where they tell more than ours; null otherwise. */
  readonly verbatim: string | null;
  readonly next: string;
};

/** Codes whose message quotes SQLite, the file, or the reason of a refusal, and is worth reading. */
const VERBATIM_CODES: ReadonlySet<ClientErrorCode> = new Set([
  "sql-error",
  "sql-refused",
  "constraint",
  "import-row",
  "undo-conflict",
  "invite-invalid",
  "bad-request",
  "internal",
]);

/** The words for an error, chosen by its code. */
export function describeFailure(error: ClientError): Failure {
  const words = errorTexts[error.code];
  const who = error.leader?.name;
  return {
    code: error.code,
    what:
      error.code === "not-leader" && who ? `This computer may not edit: ${who} leads.` : words.what,
    verbatim: VERBATIM_CODES.has(error.code) ? error.message : null,
    next: words.next,
  };
}

/** One line for a notice: what happened, SQLite's words, what to do. */
export function failureLine(error: ClientError): string {
  const failure = describeFailure(error);
  return [failure.what, failure.verbatim, failure.next].filter((part) => part !== null).join(" ");
}
