/**
 * Who must come before whom: the dependencies between list transactions, as a graph.
 *
 * Kinds as in Adya, "Weak Consistency" (1999): `ww` (wrote after), `wr` (read what was written),
 * `rw` (missed what was written), and the order of sessions and of real time beside them.
 */
import { endOf, isSettled, isStrict, sessionOf } from "./history.ts";
import type { TransactionOperation } from "./history.ts";
import { Graph } from "./graph.ts";
import type { EdgeNumber } from "./graph.ts";
import { doneAtMs, foreignCount } from "./list-index.ts";
import type { ListIndex, ListOfKey, ListRead } from "./list-index.ts";

/** Kinds of edges, as bits. */
export const EDGE = { ww: 1, wr: 2, rw: 4, session: 8, realtime: 16 } as const;

/** The graph of a history and what its edges stand for. */
export type Dependencies = {
  readonly graph: Graph;
  /** Of `ww`, `wr` and `rw` edges: the list and the place in its order (or past its end). */
  readonly reasons: ReadonlyMap<EdgeNumber, { readonly list: ListOfKey; readonly rank: number }>;
};

/** Elements that no read shows stand behind all others; so many of a list are put there. */
const UNSEEN_MAX = 64;

/** All dependencies. @param lateMs Two times may be off by so much. */
export function dependenciesOf(index: ListIndex, lateMs: number): Dependencies {
  const graph = new Graph(index.transactions.length);
  const reasons = new Map<EdgeNumber, { list: ListOfKey; rank: number }>();
  for (const list of index.lists.values()) {
    // Of a list with two orders, or with an element in two places, nothing follows.
    const isClear = list.rankOf.size === list.order.length;
    if (isClear && list.reads.every((read) => read.isPrefix)) {
      addList(list, index.effective, (from, to, why) => {
        const edge = graph.add(from, to, EDGE[why.kind]);
        if (edge !== null) reasons.set(edge, { list, rank: why.rank });
      });
    }
  }
  addSessions(graph, index.transactions);
  addRealTime(graph, index.transactions, lateMs);
  return { graph, reasons };
}

type AddEdge = (
  from: number,
  to: number,
  why: { readonly kind: "ww" | "wr" | "rw"; readonly rank: number },
) => void;

function addList(list: ListOfKey, effective: ReadonlySet<number>, add: AddEdge): void {
  const writers = list.order.map((element) => list.appends.get(element)?.node);
  const unseen = [...list.appends.values()].filter((append) => {
    return effective.has(append.node) && !list.rankOf.has(append.element);
  });
  const behind = unseen.slice(0, UNSEEN_MAX).map((append) => append.node);
  for (const [rank, writer] of writers.entries()) {
    if (writer === undefined) continue;
    for (const later of rank + 1 < writers.length ? [writers[rank + 1]] : behind) {
      if (later !== undefined) add(writer, later, { kind: "ww", rank: rank + 1 });
    }
  }
  for (const read of list.reads) addRead(read, { writers, behind }, add);
}

function addRead(
  read: ListRead,
  list: { readonly writers: readonly (number | undefined)[]; readonly behind: readonly number[] },
  add: AddEdge,
): void {
  const seen = foreignCount(read);
  const lastWriter = list.writers[seen - 1];
  if (lastWriter !== undefined) add(lastWriter, read.node, { kind: "wr", rank: seen - 1 });
  // With own appends in between, their own edges lead on.
  const isAtEnd = read.whole.length === list.writers.length;
  for (const later of isAtEnd ? list.behind : [list.writers[read.whole.length]]) {
    if (later !== undefined) add(read.node, later, { kind: "rw", rank: read.whole.length });
  }
}

/** What a session has done or strictly seen comes before what it does next; see `session.ts`. */
function addSessions(graph: Graph, transactions: readonly TransactionOperation[]): void {
  const sessions = new Map<string, number[]>();
  for (const [node, operation] of transactions.entries()) {
    const known = sessions.get(sessionOf(operation));
    if (known === undefined) sessions.set(sessionOf(operation), [node]);
    else known.push(node);
  }
  for (const nodes of sessions.values()) {
    nodes.sort((a, b) => startOf(transactions, a) - startOf(transactions, b));
    addSession(graph, transactions, nodes);
  }
}

function addSession(
  graph: Graph,
  transactions: readonly TransactionOperation[],
  nodes: readonly number[],
): void {
  let seen: number[] = [];
  for (const node of nodes) {
    const operation = transactions[node];
    if (operation === undefined || operation.outcome === "fail") continue;
    const before = seen.filter((earlier) => {
      const earlierOperation = transactions[earlier];
      return earlierOperation !== undefined && isOwed(operation, earlierOperation);
    });
    for (const earlier of before) graph.add(earlier, node, EDGE.session);
    if (!isSettled(operation)) continue;
    // What this one comes after, the next one does too, by way of it.
    seen = [...seen.filter((earlier) => !before.includes(earlier)), node].slice(-UNSEEN_MAX);
  }
}

/** Whether an operation must come after an earlier one of its session. */
function isOwed(operation: TransactionOperation, earlier: TransactionOperation): boolean {
  if (endOf(earlier) > operation.start) return false;
  if (isStrict(operation)) return true;
  // Only what the session wrote or was promised counts; a local read promises nothing onwards.
  const isPromised = isStrict(earlier) || earlier.level === "session";
  if (operation.level !== "session" || !isPromised) return false;
  const { afterIndex } = operation;
  return afterIndex === undefined || (earlier.position?.index ?? Infinity) <= afterIndex;
}

/**
 * Strict transactions keep the order of real time. Only edges that no others imply: whoever ends
 * takes the place of those it came after (the transitive reduction of an interval order).
 */
function addRealTime(
  graph: Graph,
  transactions: readonly TransactionOperation[],
  lateMs: number,
): void {
  const events = transactions.flatMap((operation, node) => {
    if (!isStrict(operation) || operation.outcome === "fail") return [];
    const doneMs = doneAtMs(operation) + lateMs;
    return [
      { atMs: operation.start, node, isEnd: false },
      ...(doneMs === Infinity ? [] : [{ atMs: doneMs, node, isEnd: true }]),
    ];
  });
  events.sort((a, b) => a.atMs - b.atMs || Number(a.isEnd) - Number(b.isEnd));
  const after = new Map<number, readonly number[]>();
  let ended: number[] = [];
  for (const { node, isEnd } of events) {
    if (!isEnd) {
      after.set(node, ended);
      for (const earlier of ended) graph.add(earlier, node, EDGE.realtime);
    } else {
      const implied = after.get(node) ?? [];
      ended = [...ended.filter((earlier) => !implied.includes(earlier)), node];
      after.delete(node);
    }
  }
}

function startOf(transactions: readonly TransactionOperation[], node: number): number {
  return transactions[node]?.start ?? 0;
}
