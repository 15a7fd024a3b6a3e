import type { MicroOperation, TransactionOperation } from "../support/checkers/history.ts";

/** Appends and reads: `append("l1", 1)`. */
export function append(key: string, value: number): MicroOperation {
  return ["append", key, value];
}

/** What a read of a list showed. */
export function reads(key: string, ...values: number[]): MicroOperation {
  return ["r", key, values];
}

/** An answered transaction that went through the log, by a process of its own. */
export function txn(
  id: number,
  [start, end]: readonly [number, number],
  ...micro: readonly MicroOperation[]
): TransactionOperation {
  return { id, process: `c${id}`, kind: "txn", micro, start, end, outcome: "ok" };
}
