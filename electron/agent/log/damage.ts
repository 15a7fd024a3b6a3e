/**
 * What is known about a damaged log, in words that a person and the agent can act on: which bytes
 * of which file, which entries they held, and how far the log can still be read.
 *
 * Types and sentences only. Who finds the damage is inspect-log.ts; what to do about it is the
 * agent's to decide: move it aside (move-aside.ts), read the good part
 * (`ReplicationLog.openSalvage`), or make the good part the log (keep-good-part.ts).
 */
import { unreachable } from "../../../shared/base/assert.ts";
import type { LogIndex, Position } from "../../../shared/base/ids.ts";

/**
 * How a place came to be called damaged.
 *
 * `wrong-bytes`: a checksum or the chain of hashes says so. `cut-short`: what is there is right,
 * but more had been stored. `missing-file`: a whole file is gone. `foreign-file`: whole, but
 * another member's or from another history. `older-copy`: whole, but from an earlier time. `unreadable`: the disk
 * does not give it back, in this file at least in part.
 */
export type DamageCause =
  "wrong-bytes" | "cut-short" | "missing-file" | "foreign-file" | "older-copy" | "unreadable";

/** One damaged place. */
export type DamagedRange = {
  readonly cause: DamageCause;
  /** Path inside the data folder. */
  readonly file: string;
  readonly fromByte: number;
  /** Exclusive; equal to `fromByte` where bytes are missing. */
  readonly toByte: number;
  /** First and last entry concerned, as far as known; null for a file that holds no entries. */
  readonly firstIndex: LogIndex | null;
  /** null when nobody can tell how far the lost part went. */
  readonly lastIndex: LogIndex | null;
};

/** The damage of one log folder. */
export type DamageReport = {
  /** At least one, in the order of files and bytes. */
  readonly ranges: readonly DamagedRange[];
  /**
   * What can be read from the front, whole and in order: entries after `base` up to `last`. Both
   * are equal when no entry can.
   */
  readonly goodPrefix: { readonly base: Position; readonly last: Position };
  /** The highest entry of which anything is known: read, or known to be committed. */
  readonly highestIndex: LogIndex;
  /** Whether a whole copy of term and vote is there. */
  readonly isHardStateGood: boolean;
};

/** One damaged place as a sentence for people. */
export function describeRange(range: DamagedRange): string {
  const { file, fromByte, toByte, firstIndex, lastIndex } = range;
  const bytes =
    fromByte === toByte ? `from byte ${fromByte}` : `bytes ${fromByte} to ${toByte - 1}`;
  return `${file}, ${bytes}: ${describeCause(range.cause)}${entriesOf(firstIndex, lastIndex)}`;
}

function describeCause(cause: DamageCause): string {
  switch (cause) {
    case "wrong-bytes":
      return "not what was stored";
    case "cut-short":
      return "cut short";
    case "missing-file":
      return "the file is missing";
    case "foreign-file":
      return "the file is of another computer or another history";
    case "older-copy":
      return "the file is an older copy";
    case "unreadable":
      return "the disk cannot read it";
    default:
      return unreachable(cause);
  }
}

function entriesOf(first: LogIndex | null, last: LogIndex | null): string {
  if (first === null) return "";
  if (last === null) return ` (entries from ${first} on)`;
  return first === last ? ` (entry ${first})` : ` (entries ${first} to ${last})`;
}
