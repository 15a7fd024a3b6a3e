import type { PastMoment } from "../../shared/api/past.ts";
import { ok, type Result } from "../../shared/base/result.ts";
import { fail, type CliFailure } from "./failure.ts";

/** How commands take a moment of the past. */
export type MomentOptions = { readonly at?: string; readonly asOf?: string };

/** The moment that is meant; null: the present. A time without a zone is this computer's. */
export function parseMoment({ at, asOf }: MomentOptions): Result<PastMoment | null, CliFailure> {
  if (at !== undefined && asOf !== undefined) return fail("give one of --at and --as-of.", 2);
  if (at !== undefined) {
    const atMs = Date.parse(at);
    if (Number.isNaN(atMs)) return fail(`--at is a time, not ${JSON.stringify(at)}.`, 2);
    return ok({ at: new Date(atMs).toISOString() });
  }
  if (asOf === undefined) return ok(null);
  const match = /^(?:(\d{1,15}):)?(\d{1,15})$/.exec(asOf);
  if (match === null) return fail(`--as-of is TERM:INDEX, not ${JSON.stringify(asOf)}.`, 2);
  const index = Number(match[2]);
  return ok(match[1] === undefined ? { index } : { index, term: Number(match[1]) });
}
