/** Raised when the program's own reasoning is wrong. Never caught to carry on; the process ends. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Stops the program when `condition` is false. On in release builds: a broken
 * invariant must never reach the log.
 *
 * @param message What must be true, as a sentence; it ends up in the crash report.
 * @throws InvariantError
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/**
 * Ends a `switch` over a union; a forgotten case does not compile.
 *
 * @throws InvariantError when a value of no known case arrives all the same.
 */
export function unreachable(value: never): never {
  throw new InvariantError(`no case covers ${JSON.stringify(value)}`);
}

/**
 * The value, which the caller knows to exist.
 *
 * @throws InvariantError when it is null or undefined.
 */
export function defined<T>(value: T | null | undefined, message: string): T {
  if (value === null || value === undefined) throw new InvariantError(message);
  return value;
}
