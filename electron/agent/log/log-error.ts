import type { DiskError } from "../ports.ts";
import type { DamageReport } from "./damage.ts";

type Place = {
  readonly detail: string;
  readonly file: string;
  /** Byte offset of the first wrong byte's record or header. */
  readonly offset: number;
};

/** As `LogOpenError`, before the whole damage was looked at. */
export type LogLoadError =
  | ({ readonly code: "log-damaged" } & Place)
  | ({ readonly code: "log-too-new" } & Place)
  | DiskError;

/**
 * Why a log cannot be used. `log-damaged`: something that had been stored safely is wrong or
 * gone; nothing of it may be served or voted on. `log-too-new`: written by a newer version.
 */
export type LogOpenError =
  | ({ readonly code: "log-damaged"; readonly damage: DamageReport } & Place)
  | ({ readonly code: "log-too-new" } & Place)
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
export function damaged(
  file: string,
  offset: number,
  detail: string,
): { readonly code: "log-damaged" } & Place {
  return { code: "log-damaged", file, offset, detail };
}
