/**
 * The slowest and plainest checkers there are: try every order. What the real ones are held
 * against, on histories so small that this ends.
 */
import type { Operation, TransactionOperation, Value } from "../support/checkers/history.ts";
import type { RegisterOperation } from "../support/checkers/register-steps.ts";

/**
 * Whether some order of some of the operations explains all answers: tries every order of every
 * choice of those without an answer. For at most seven operations on one register.
 */
export function isLinearizableByForce(operations: readonly RegisterOperation[]): boolean {
  return isExplainedByForce(operations, explainsAnswers);
}

/** The same for transactions that must stand in one order that keeps real time. */
export function isStrictlySerializableByForce(
  transactions: readonly TransactionOperation[],
): boolean {
  return isExplainedByForce(transactions, explainsLists);
}

function isExplainedByForce<T extends Operation>(
  operations: readonly T[],
  explains: (order: readonly T[]) => boolean,
): boolean {
  const certain = operations.filter((operation) => operation.outcome === "ok");
  const open = operations.filter((operation) => operation.outcome === "unknown");
  for (let choice = 0; choice < 1 << open.length; choice++) {
    const chosen = [...certain, ...open.filter((_, i) => ((choice >> i) & 1) === 1)];
    if (ordersOf(chosen).some((order) => respectsTime(order) && explains(order))) return true;
  }
  return false;
}

function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first, i) => {
    const rest = [...items.slice(0, i), ...items.slice(i + 1)];
    return ordersOf(rest).map((order) => [first, ...order]);
  });
}

function respectsTime(order: readonly Operation[]): boolean {
  return order.every((later, i) =>
    order.slice(0, i).every((earlier) => later.end === undefined || later.end >= earlier.start),
  );
}

function explainsAnswers(order: readonly RegisterOperation[]): boolean {
  let held: Value = null;
  for (const operation of order) {
    if (operation.kind === "read") {
      if (operation.outcome === "ok" && operation.value !== held) return false;
    } else if (operation.kind === "write") {
      held = operation.value;
    } else {
      const swaps = operation.from === held;
      if (operation.outcome === "ok" && operation.swapped !== swaps) return false;
      if (swaps) held = operation.to;
    }
  }
  return true;
}

function explainsLists(order: readonly TransactionOperation[]): boolean {
  const lists = new Map<string, readonly (number | string)[]>();
  for (const { micro } of order) {
    for (const [what, key, value] of micro) {
      const held = lists.get(key) ?? [];
      if (what === "append") lists.set(key, [...held, value]);
      else if (value !== null && value.join() !== held.join()) return false;
    }
  }
  return true;
}
