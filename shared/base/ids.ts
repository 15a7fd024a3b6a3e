import { InvariantError } from "./assert.ts";

declare const brand: unique symbol;

/** A `T` that only passes where this very name is asked for. */
export type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Position in the replicated log. The first entry is 1; 0 means "before the log". */
export type LogIndex = Branded<number, "LogIndex">;

/** Raft term: counts elections. 0 before the first one. */
export type Term = Branded<number, "Term">;

/**
 * SHA-256 of a member's public key (DER, SubjectPublicKeyInfo), lower-case base32 without
 * padding: 52 characters. Stable across restarts, address changes and renames.
 */
export type MemberId = Branded<string, "MemberId">;

/** Random 128-bit id of a cluster, lower-case hex: 32 characters. */
export type ClusterId = Branded<string, "ClusterId">;

/** @param value A safe integer from 0. */
export function logIndex(value: number): LogIndex {
  if (!isCount(value)) throw new InvariantError(`${value} is not a log index`);
  return value as LogIndex;
}

/** @param value A safe integer from 0. */
export function term(value: number): Term {
  if (!isCount(value)) throw new InvariantError(`${value} is not a term`);
  return value as Term;
}

/** @param value 1 to 64 printable characters without spaces; tests use short names. */
export function memberId(value: string): MemberId {
  if (!isIdText(value)) throw new InvariantError(`${JSON.stringify(value)} is not a member id`);
  return value as MemberId;
}

/** @param value 1 to 64 printable characters without spaces. */
export function clusterId(value: string): ClusterId {
  if (!isIdText(value)) throw new InvariantError(`${JSON.stringify(value)} is not a cluster id`);
  return value as ClusterId;
}

// Every message and entry passes here: no sentence is made up before something is wrong.
function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isIdText(value: string): boolean {
  return /^[!-~]{1,64}$/.test(value);
}

/** A place in the log with the term that wrote it; printed `term:index`, e.g. `7:18204`. */
export type Position = { readonly term: Term; readonly index: LogIndex };

/** The position before the first entry. */
export const POSITION_ZERO: Position = { term: term(0), index: logIndex(0) };

/** `7:18204`. */
export function formatPosition(position: Position): string {
  return `${position.term}:${position.index}`;
}
