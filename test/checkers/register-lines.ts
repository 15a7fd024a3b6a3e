import type { Operation, Value } from "../support/checkers/history.ts";
import type { CasOperation, ReadOperation, WriteOperation } from "../support/checkers/history.ts";

/** A write of `r1` that was answered. */
export function write(id: number, value: Value, start: number, end: number): WriteOperation {
  return { id, process: `c${id}`, kind: "write", key: "r1", value, start, end, outcome: "ok" };
}

/** A linearizable read of `r1` that was answered. */
export function read(id: number, value: Value, start: number, end: number): ReadOperation {
  const head = { id, process: `c${id}`, start, end, outcome: "ok" } as const;
  return { ...head, kind: "read", key: "r1", level: "linearizable", value };
}

/** A swap of `r1`, from one value to another, that was answered. */
export function cas(
  id: number,
  [from, to]: readonly [Value, Value],
  swapped: boolean,
  ...[start, end]: readonly [number, number]
): CasOperation {
  const head = { id, process: `c${id}`, start, end, outcome: "ok" } as const;
  return { ...head, kind: "cas", key: "r1", from, to, swapped };
}

/** The same operation when no answer came. */
export function unknown<T extends Operation>(operation: T): T {
  const { end: _end, ...rest } = operation;
  return { ...rest, outcome: "unknown" } as T;
}
