/**
 * A directed graph with kinds of edges, for a hundred thousand nodes and a million edges: adding,
 * strongly connected components (Tarjan 1972, without recursion) and shortest paths.
 *
 * It knows nothing of transactions. Kinds are bits, so that a mask names a part of the graph.
 */
import { assert } from "../../../shared/base/assert.ts";

/** An edge by its number. */
export type EdgeNumber = number;

/** The graph. All edges are added first, then it is asked. */
export class Graph {
  readonly nodeCount: number;
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #kind: number[] = [];
  #order: { readonly first: Int32Array; readonly edges: Int32Array } | null = null;

  constructor(nodeCount: number) {
    this.nodeCount = nodeCount;
  }

  /** How many edges there are; also the number of the next one. */
  get edgeCount(): number {
    return this.#from.length;
  }

  /** Adds an edge; one from a node to itself is left out. @param kind A single bit. */
  add(from: number, to: number, kind: number): EdgeNumber | null {
    if (from === to) return null;
    this.#order = null;
    this.#from.push(from);
    this.#to.push(to);
    this.#kind.push(kind);
    return this.#from.length - 1;
  }

  from(edge: EdgeNumber): number {
    return at(this.#from, edge);
  }

  to(edge: EdgeNumber): number {
    return at(this.#to, edge);
  }

  kind(edge: EdgeNumber): number {
    return at(this.#kind, edge);
  }

  /** Edges that leave the node, of any kind. */
  *leaving(node: number): Generator<EdgeNumber> {
    const { first, edges } = this.#sorted();
    const end = at(first, node + 1);
    for (let i = at(first, node); i < end; i++) yield at(edges, i);
  }

  /**
   * Sets of nodes that reach each other by edges of the mask; single nodes are left out.
   *
   * @param within Only these nodes count; null: all.
   */
  components(mask: number, within: ReadonlySet<number> | null = null): number[][] {
    const search = new ComponentSearch(this, mask, within, this.#sorted());
    if (within === null) for (let node = 0; node < this.nodeCount; node++) search.from(node);
    else for (const node of within) search.from(node);
    return search.found;
  }

  /** The fewest edges of the mask from one node to another inside the set; null: no way. */
  shortestPath(
    [start, goal]: readonly [number, number],
    mask: number,
    within: ReadonlySet<number>,
  ): EdgeNumber[] | null {
    const cameBy = new Map<number, EdgeNumber>();
    let border = [start];
    while (border.length > 0) {
      const next: number[] = [];
      for (const node of border) {
        for (const edge of this.leaving(node)) {
          const to = this.to(edge);
          if ((this.kind(edge) & mask) === 0 || !within.has(to) || cameBy.has(to)) continue;
          cameBy.set(to, edge);
          if (to === goal) return this.#wayBack(start, goal, cameBy);
          next.push(to);
        }
      }
      border = next;
    }
    return null;
  }

  #wayBack(start: number, goal: number, cameBy: ReadonlyMap<number, EdgeNumber>): EdgeNumber[] {
    const path: EdgeNumber[] = [];
    for (let node = goal; node !== start || path.length === 0;) {
      const edge = cameBy.get(node);
      assert(edge !== undefined, "every node on the way was come to by an edge");
      path.push(edge);
      node = this.from(edge);
    }
    return path.reverse();
  }

  #sorted(): { readonly first: Int32Array; readonly edges: Int32Array } {
    if (this.#order !== null) return this.#order;
    const first = new Int32Array(this.nodeCount + 1);
    for (const from of this.#from) first[from + 1] = at(first, from + 1) + 1;
    for (let node = 0; node < this.nodeCount; node++) {
      first[node + 1] = at(first, node + 1) + at(first, node);
    }
    const next = first.slice();
    const edges = new Int32Array(this.#from.length);
    for (const [edge, from] of this.#from.entries()) {
      const place = at(next, from);
      edges[place] = edge;
      next[from] = place + 1;
    }
    this.#order = { first, edges };
    return this.#order;
  }
}

/** Tarjan's algorithm with its stack in arrays: a history may be one long chain. */
class ComponentSearch {
  readonly found: number[][] = [];
  readonly #graph: Graph;
  readonly #mask: number;
  readonly #within: ReadonlySet<number> | null;
  readonly #first: Int32Array;
  readonly #edges: Int32Array;
  /** When the node was met, from 1; 0: not yet. */
  readonly #metAs: Int32Array;
  readonly #lowest: Int32Array;
  readonly #nextEdge: Int32Array;
  readonly #isOpen: Uint8Array;
  readonly #open: number[] = [];
  #metCount = 0;

  constructor(
    graph: Graph,
    mask: number,
    within: ReadonlySet<number> | null,
    sorted: { readonly first: Int32Array; readonly edges: Int32Array },
  ) {
    this.#graph = graph;
    this.#mask = mask;
    this.#within = within;
    this.#first = sorted.first;
    this.#edges = sorted.edges;
    this.#metAs = new Int32Array(graph.nodeCount);
    this.#lowest = new Int32Array(graph.nodeCount);
    this.#nextEdge = sorted.first.slice(0, graph.nodeCount);
    this.#isOpen = new Uint8Array(graph.nodeCount);
  }

  from(root: number): void {
    if (this.#metAs[root] !== 0) return;
    const path = [root];
    this.#meet(root);
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      const next = this.#nextNode(node);
      if (next === null) {
        path.pop();
        const above = path.at(-1);
        if (above !== undefined) this.#lower(above, at(this.#lowest, node));
        if (this.#lowest[node] === this.#metAs[node]) this.#close(node);
      } else if (this.#metAs[next] === 0) {
        this.#meet(next);
        path.push(next);
      } else if (this.#isOpen[next] === 1) {
        this.#lower(node, at(this.#metAs, next));
      }
    }
  }

  #meet(node: number): void {
    this.#metAs[node] = ++this.#metCount;
    this.#lowest[node] = this.#metCount;
    this.#isOpen[node] = 1;
    this.#open.push(node);
  }

  #lower(node: number, value: number): void {
    if (value < at(this.#lowest, node)) this.#lowest[node] = value;
  }

  #close(node: number): void {
    const component: number[] = [];
    for (let member = this.#open.pop(); member !== undefined; member = this.#open.pop()) {
      this.#isOpen[member] = 0;
      component.push(member);
      if (member === node) break;
    }
    if (component.length > 1) this.found.push(component);
  }

  #nextNode(node: number): number | null {
    const end = at(this.#first, node + 1);
    for (let i = at(this.#nextEdge, node); i < end; i++) {
      const edge = at(this.#edges, i);
      if ((this.#graph.kind(edge) & this.#mask) === 0) continue;
      const to = this.#graph.to(edge);
      if (this.#within !== null && !this.#within.has(to)) continue;
      this.#nextEdge[node] = i + 1;
      return to;
    }
    this.#nextEdge[node] = end;
    return null;
  }
}

function at(numbers: Int32Array | readonly number[], index: number): number {
  const value = numbers[index];
  assert(value !== undefined, "an index inside the array");
  return value;
}
