/**
 * Everything a history of list transactions says about each list: who appended what, who saw
 * what, and in which order the elements stand.
 *
 * A list is read as a whole and only grows, so a read tells the order of all writes before it:
 * that is what makes lists worth more than registers (Kingsbury and Alvaro, "Elle: Inferring
 * Isolation Anomalies from Experimental Observations", 2020). It does not judge; see `list-checks.ts`.
 */
import { endOf, isSettled } from "./history.ts";
import type { Operation, TransactionOperation } from "./history.ts";

/** What lists are made of. */
export type Element = number | string;

/** One append. */
export type Append = {
  readonly by: TransactionOperation;
  /** Where the transaction stands in the index. */
  readonly node: number;
  readonly element: Element;
  /** What the same transaction appended to this list just before it. */
  readonly previous: Append | null;
  /** Whether the same transaction appended no more to this list. */
  isLast: boolean;
};

/** One answered read of a list. */
export type ListRead = {
  readonly by: TransactionOperation;
  readonly node: number;
  /** All that it saw. */
  readonly whole: readonly Element[];
  /** Of it what the transaction had appended itself. */
  readonly ownCount: number;
  /** Whether `whole` is the beginning of the list's order. */
  isPrefix: boolean;
};

/** One list. */
export type ListOfKey = {
  readonly key: string;
  readonly number: number;
  readonly appends: Map<Element, Append>;
  readonly reads: ListRead[];
  /** The longest read: the order in which the appends took effect, as far as anybody saw. */
  order: readonly Element[];
  /** Where an element stands in `order`, from 0. */
  readonly rankOf: Map<Element, number>;
};

/** All lists of a history. */
export type ListIndex = {
  readonly transactions: readonly TransactionOperation[];
  readonly lists: ReadonlyMap<string, ListOfKey>;
  /** Transactions that surely took effect: answered, or seen by somebody. */
  readonly effective: ReadonlySet<number>;
  /** Appends of a value that was appended to the same list before: the recorder's mistake. */
  readonly repeated: readonly Append[];
};

/** Sorts a history by lists. */
export function indexLists(operations: Iterable<Operation>): ListIndex {
  const transactions: TransactionOperation[] = [];
  for (const operation of operations) if (operation.kind === "txn") transactions.push(operation);
  const lists = new Map<string, ListOfKey>();
  const repeated: Append[] = [];
  for (const [node, by] of transactions.entries()) indexOne(lists, repeated, { node, by });
  const effective = new Set<number>();
  for (const [node, by] of transactions.entries()) if (isSettled(by)) effective.add(node);
  for (const list of lists.values()) {
    setOrder(list);
    for (const element of list.order) {
      const append = list.appends.get(element);
      if (append !== undefined) effective.add(append.node);
    }
  }
  return { transactions, lists, effective, repeated };
}

/** When it had surely taken effect. */
export function doneAtMs(operation: TransactionOperation): number {
  return isSettled(operation) ? endOf(operation) : Infinity;
}

/** What a read saw of the others. */
export function foreignCount(read: ListRead): number {
  return read.whole.length - read.ownCount;
}

function indexOne(
  lists: Map<string, ListOfKey>,
  repeated: Append[],
  { node, by }: { readonly node: number; readonly by: TransactionOperation },
): void {
  const own = new Map<string, Append[]>();
  for (const [what, key, value] of by.micro) {
    const list = listOf(lists, key);
    const ownBefore = own.get(key) ?? [];
    if (what === "append") {
      const append = { by, node, element: value, previous: ownBefore.at(-1) ?? null, isLast: true };
      for (const earlier of ownBefore) earlier.isLast = false;
      own.set(key, [...ownBefore, append]);
      if (list.appends.has(value)) repeated.push(append);
      else list.appends.set(value, append);
    } else if (value !== null && isSettled(by)) {
      const ownCount = ownBefore.length;
      list.reads.push({ by, node, whole: value, ownCount, isPrefix: true });
    }
  }
}

function listOf(lists: Map<string, ListOfKey>, key: string): ListOfKey {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const list = {
    key,
    number: lists.size,
    appends: new Map<Element, Append>(),
    reads: [],
    order: [],
    rankOf: new Map<Element, number>(),
  };
  lists.set(key, list);
  return list;
}

function setOrder(list: ListOfKey): void {
  for (const read of list.reads) if (read.whole.length > list.order.length) list.order = read.whole;
  for (const [rank, element] of list.order.entries()) {
    if (!list.rankOf.has(element)) list.rankOf.set(element, rank);
  }
  for (const read of list.reads) {
    read.isPrefix = read.whole.every((element, i) => list.order[i] === element);
  }
}
