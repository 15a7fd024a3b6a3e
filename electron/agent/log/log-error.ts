import type { DiskError } from "../ports.ts";

/**
 * Why a log cannot be used. `log-damaged`: something that had been stored safely is wrong or
 * gone; nothing of it may be served or voted on. `log-too-new`: written by a newer version.
 */
export type LogOpenError =
  | {
      readonly code: "log-damaged" | "log-too-new";
      readonly detail: string;
      readonly file: string;
      /** Byte offset of the first wrong byte's record or header. */
      readonly offset: number;
    }
  | DiskError;

/**
 * Raised when a record that was good at start-up is bad when read again: the disk lost it while
 * we ran. Nothing may be served from this log any more; the next start finds the damage.
 */
export class LogReadError extends Error {
  override readonly name = "LogReadError";
  readonly code = "log-damaged";
}

/** A `log-damaged` error. */
export function damaged(file: string, offset: number, detail: string): LogOpenError {
  return { code: "log-damaged", file, offset, detail };
}
