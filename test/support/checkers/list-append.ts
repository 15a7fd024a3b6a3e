/**
 * Isolation of list transactions by the shape of their dependencies.
 *
 * First what is certain by itself (`list-checks.ts`), then cycles: transactions of which each must
 * come before the next. The finding is a shortest cycle of its kind, told edge by edge. What a
 * kind means and what is not found: DESIGN.md.
 */
import type { AnomalyName, CycleName } from "./anomaly.ts";
import type { Findings } from "./findings.ts";
import type { EdgeNumber } from "./graph.ts";
import { sessionOf } from "./history.ts";
import type { Operation } from "./history.ts";
import { checkLists } from "./list-checks.ts";
import { dependenciesOf, EDGE } from "./list-edges.ts";
import type { Dependencies } from "./list-edges.ts";
import { indexLists } from "./list-index.ts";
import type { ListIndex } from "./list-index.ts";

/** What came of it, beside the findings. */
export type ListReport = { readonly transactionCount: number; readonly edgeCount: number };

/** A kind of cycle: one edge of `pivot`, the way back by edges of `back`. */
type Shape = { readonly pivot: number; readonly back: number };

const ALL = EDGE.ww | EDGE.wr | EDGE.rw;
const SHAPES: readonly Shape[] = [
  { pivot: EDGE.ww, back: EDGE.ww },
  { pivot: EDGE.wr, back: EDGE.ww | EDGE.wr },
  { pivot: EDGE.rw, back: EDGE.ww | EDGE.wr },
  { pivot: EDGE.rw, back: ALL },
];
/** Beside the dependencies: nothing, sessions, sessions and real time. The strongest claim first. */
const ORDERS: readonly number[] = [0, EDGE.session, EDGE.session | EDGE.realtime];
/** In one knot of transactions, so many edges are tried for the shortest cycle through them. */
const PIVOT_COUNT_MAX = 300;

/** Checks all list transactions. @param lateMs Two times may be off by so much. */
export function checkListAppend(
  operations: Iterable<Operation>,
  lateMs: number,
  findings: Findings,
): ListReport {
  const index = indexLists(operations);
  checkLists(index, lateMs, findings);
  const dependencies = dependenciesOf(index, lateMs);
  const { graph } = dependencies;
  const told = new Set<number>();
  const knots = graph.components(ALL | EDGE.session | EDGE.realtime);
  const suspects = new Set(knots.flat());
  for (const order of suspects.size === 0 ? [] : ORDERS) {
    for (const shape of SHAPES) {
      const mask = shape.pivot | shape.back | order;
      for (const knot of graph.components(mask, suspects)) {
        if (knot.some((node) => told.has(node))) continue;
        const cycle = shortestCycle(dependencies, new Set(knot), shape, order);
        if (cycle === null) continue;
        for (const node of knot) told.add(node);
        tell(cycle, index, dependencies, findings);
      }
    }
  }
  return { transactionCount: index.transactions.length, edgeCount: graph.edgeCount };
}

function shortestCycle(
  { graph }: Dependencies,
  knot: ReadonlySet<number>,
  shape: Shape,
  order: number,
): readonly EdgeNumber[] | null {
  let shortest: readonly EdgeNumber[] | null = null;
  let tried = 0;
  for (const node of knot) {
    for (const edge of graph.leaving(node)) {
      if (graph.kind(edge) !== shape.pivot || !knot.has(graph.to(edge))) continue;
      if (tried++ > PIVOT_COUNT_MAX) return shortest;
      const back = graph.shortestPath([graph.to(edge), node], shape.back | order, knot);
      if (back !== null && back.length + 1 < (shortest?.length ?? Infinity)) {
        shortest = [edge, ...back];
      }
    }
  }
  return shortest;
}

function tell(
  cycle: readonly EdgeNumber[],
  index: ListIndex,
  dependencies: Dependencies,
  findings: Findings,
): void {
  const { graph } = dependencies;
  const operations = cycle.flatMap((edge) => index.transactions[graph.from(edge)] ?? []);
  const kinds = cycle.map((edge) => graph.kind(edge));
  findings.add(nameOf(kinds), operations, () => {
    const lines = cycle.map((edge) => `\n  ${reasonOf(edge, index, dependencies)}`);
    return `each comes before the next, in a circle:${lines.join("")}\nwhere`;
  });
}

function nameOf(kinds: readonly number[]): AnomalyName {
  const missed = kinds.filter((kind) => kind === EDGE.rw).length;
  const some: CycleName = kinds.includes(EDGE.wr) ? "G1c" : "G0";
  const name: CycleName = missed === 0 ? some : missed === 1 ? "G-single" : "G2-item";
  if (kinds.includes(EDGE.realtime)) return `${name}-realtime`;
  return kinds.includes(EDGE.session) ? `${name}-session` : name;
}

function reasonOf(edge: EdgeNumber, index: ListIndex, dependencies: Dependencies): string {
  const { graph, reasons } = dependencies;
  const from = index.transactions[graph.from(edge)];
  const to = index.transactions[graph.to(edge)];
  if (from === undefined || to === undefined) return "";
  const two = `#${from.id} before #${to.id}`;
  const reason = reasons.get(edge);
  const key = reason?.list.key ?? "";
  const element = String(reason?.list.order[reason.rank] ?? "behind all that was seen");
  switch (graph.kind(edge)) {
    case EDGE.ww:
      return `${two}: appended to ${key} just after it (${element}) [ww]`;
    case EDGE.wr:
      return `${two}: read what it had appended to ${key} (${element}) [wr]`;
    case EDGE.rw:
      return `${two}: it did not see what that one appended to ${key} (${element}) [rw]`;
    case EDGE.session:
      return `${two}: earlier in session ${sessionOf(from)} [session]`;
    default:
      return `${two}: it had ended before that one began [realtime]`;
  }
}
