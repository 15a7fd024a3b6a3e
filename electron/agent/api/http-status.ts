import type { ApiErrorCode } from "../../../shared/api/methods.ts";

const STATUS: { readonly [Code in ApiErrorCode]: number } = {
  "not-leader": 409,
  "no-quorum": 503,
  "no-cluster": 409,
  "already-in-cluster": 409,
  "unknown-outcome": 504,
  "sql-error": 400,
  "sql-refused": 403,
  constraint: 422,
  "sequence-too-old": 409,
  "too-large": 413,
  busy: 429,
  "query-timeout": 504,
  stale: 503,
  "not-found": 404,
  "bad-request": 400,
  unauthorized: 401,
  "storage-full": 507,
  "storage-failed": 503,
  diverged: 503,
  "log-damaged": 503,
  "invite-invalid": 403,
  unreachable: 502,
  "change-in-progress": 409,
  "not-caught-up": 409,
  "import-row": 422,
  "row-conflict": 409,
  "undo-conflict": 409,
  "too-old": 410,
  internal: 500,
};

/** The HTTP status of an error. Programs should look at `error.code`; this is for proxies. */
export function httpStatus(code: ApiErrorCode): number {
  return STATUS[code];
}
