import type { StoreError } from "./messages.ts";
import { SqliteError } from "./connection.ts";

/** A request that cannot be done, on its way out of the transaction it ran in. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly error: StoreError;

  constructor(error: StoreError) {
    super(error.message);
    this.error = error;
  }
}

/**
 * The answer for something thrown while user SQL ran.
 *
 * @param statement Which statement it was, from 0.
 * @throws what is neither a refusal nor SQLite's no: that is a bug.
 */
export function errorAnswer(thrown: unknown, statement?: number): StoreError {
  const place = statement === undefined ? {} : { statement };
  if (thrown instanceof Refusal) return { ...place, ...thrown.error };
  if (!(thrown instanceof SqliteError)) throw thrown;
  const code = thrown.isConstraint ? "constraint" : "sql-error";
  return { code, message: thrown.message, ...place };
}
