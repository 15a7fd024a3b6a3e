/** Which write a register's value came from, for the checks that compare single answers. */
import { endOf, isSettled, timelineOf } from "./history.ts";
import type { CasOperation, Operation, ReadOperation, Value, WriteOperation } from "./history.ts";

/** A write or a swap that may have taken effect. */
export type Setting = WriteOperation | CasOperation;

/** The write a value came from; `initial`: nobody has written yet; null: it cannot be told. */
export type Version = Setting | "initial" | null;

/** One register. */
export type RegisterOfKey = {
  readonly key: string;
  /** Who may have left a value. */
  readonly writers: Map<Value, Setting[]>;
  /** Those that surely took effect and were answered. */
  readonly settled: Setting[];
  readonly reads: ReadOperation[];
};

/** Sorts a history by registers. */
export function indexRegisters(operations: Iterable<Operation>): Map<string, RegisterOfKey> {
  const registers = new Map<string, RegisterOfKey>();
  for (const operation of operations) {
    if (operation.kind === "txn" || operation.outcome === "fail") continue;
    const register = registerOf(registers, operation.key);
    if (operation.kind === "read") {
      if (operation.outcome === "ok") register.reads.push(operation);
    } else if (operation.kind === "write" || operation.swapped !== false) {
      const value = operation.kind === "write" ? operation.value : operation.to;
      const known = register.writers.get(value);
      if (known === undefined) register.writers.set(value, [operation]);
      else known.push(operation);
      if (isSettled(operation)) register.settled.push(operation);
    }
  }
  return registers;
}

/** Where the value came from. */
export function versionOf(register: RegisterOfKey, value: Value): Version {
  const writers = register.writers.get(value) ?? [];
  if (writers.length === 0) return value === null ? "initial" : null;
  return value !== null && writers.length === 1 ? (writers[0] ?? null) : null;
}

/** Whether one version was surely overwritten by the time the other was there. */
export function isOlder(version: Version, than: Version, lateMs: number): boolean {
  if (version === null || than === null || than === "initial" || version === than) return false;
  if (version === "initial") return true;
  const isComparable = timelineOf(version) === timelineOf(than);
  if (isComparable && version.position !== undefined && than.position !== undefined) {
    return version.position.index < than.position.index;
  }
  return endOf(version) + lateMs < than.start;
}

function registerOf(registers: Map<string, RegisterOfKey>, key: string): RegisterOfKey {
  const known = registers.get(key);
  if (known !== undefined) return known;
  const register = { key, writers: new Map<Value, Setting[]>(), settled: [], reads: [] };
  registers.set(key, register);
  return register;
}
