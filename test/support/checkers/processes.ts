import type { Findings } from "./findings.ts";
import { endOf } from "./history.ts";
import type { Operation } from "./history.ts";

/** The recorder's own duties: ids are unique, and a process does one thing at a time. */
export function checkProcesses(operations: readonly Operation[], findings: Findings): void {
  const ids = new Set<number>();
  const busyUntil = new Map<string, Operation>();
  for (const operation of operations.toSorted((a, b) => a.start - b.start)) {
    if (ids.has(operation.id)) {
      findings.add("history-broken", [operation], () => `two operations have id ${operation.id}`);
    }
    ids.add(operation.id);
    const before = busyUntil.get(operation.process);
    if (before !== undefined && endOf(before) !== Infinity && endOf(before) > operation.start) {
      findings.add("history-broken", [before, operation], () => {
        return `${operation.process} did two things at a time`;
      });
    }
    busyUntil.set(operation.process, operation);
  }
}
