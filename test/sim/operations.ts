import type { ReadLevel } from "../../shared/api/methods.ts";
import type { MemberId } from "../../shared/base/ids.ts";

/** Names a write: `client/sequence`. */
export type WriteName = string;

/** One write of a client, over all its attempts. */
export type WriteRecord = {
  readonly name: WriteName;
  readonly client: string;
  readonly key: number;
  readonly askedAtMs: number;
  /** Whether an attempt may have taken effect without the client knowing. */
  isOpen: boolean;
  acknowledged: {
    readonly term: number;
    readonly index: number;
    readonly rank: number;
    readonly atMs: number;
    readonly by: MemberId;
    /** How many times that member had been started. */
    readonly boot: number;
  } | null;
};

/** One read that was answered. */
export type ReadRecord = {
  readonly client: string;
  readonly key: number;
  readonly level: ReadLevel;
  /** With `bounded`; else 0. */
  readonly maxStalenessMs: number;
  readonly member: MemberId;
  /** How many times it had been started. */
  readonly boot: number;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  /** The position the answer claims to stand for. */
  readonly asOfTerm: number;
  readonly asOfIndex: number;
  /** The moment it claims to stand for, by the clock of the world; null when it claims none. */
  readonly asOfMs: number | null;
  /** How old it claims to be; null when it claims nothing. */
  readonly lagMs: number | null;
  /** The client's own writes to the key that were acknowledged when it asked. */
  readonly ownWrites: readonly WriteName[];
  readonly rows: readonly WriteName[];
};

/** The final rows of each key, in order. */
export type FinalLists = ReadonlyMap<number, readonly WriteName[]>;
