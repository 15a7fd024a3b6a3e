import type { DiskError } from "../ports.ts";

/** The system's error number in our words. What is not known is taken for the worst. */
const CODES: ReadonlyMap<string, DiskError["code"]> = new Map([
  ["ENOSPC", "storage-full"],
  ["EDQUOT", "storage-full"],
  ["EFBIG", "storage-full"],
  ["EROFS", "not-writable"],
  ["EACCES", "not-writable"],
  ["EPERM", "not-writable"],
  ["EBUSY", "locked"],
  ["ETXTBSY", "locked"],
]);

/** @param error Whatever a `node:fs` call threw. */
export function toDiskError(error: unknown): DiskError {
  const code = errorNumber(error);
  const detail = error instanceof Error ? error.message : String(error);
  return { code: CODES.get(code ?? "") ?? "storage-failed", detail };
}

/** `ENOENT` and the like; null for an error that did not come from the system. */
export function errorNumber(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
