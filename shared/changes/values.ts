/** A value as SQLite stores it: bigint is INTEGER, number is REAL, Uint8Array is BLOB. */
export type Value = null | bigint | number | string | Uint8Array;

/**
 * A value in JSON (HTTP, window, CLI). A safe whole number is INTEGER, another number REAL;
 * what JSON cannot say comes in an object: integers beyond 2^53, blobs, and reals that JSON
 * has no way to write or would turn into integers.
 */
export type JsonCell =
  | null
  | number
  | string
  | { readonly $int: string }
  | { readonly $blob: string }
  | { readonly $real: string };

/** Parameters of a statement: by position, or by name without the prefix. */
export type JsonParams = readonly JsonCell[] | { readonly [name: string]: JsonCell };

/** One SQL statement with its parameters. */
export type SqlStatement = { readonly sql: string; readonly params?: JsonParams };
