import { describeOperation } from "./anomaly.ts";
import type { Anomaly, AnomalyName } from "./anomaly.ts";
import type { Operation } from "./history.ts";

/** So many findings of one kind are kept in full; the rest is counted. */
const KEPT_MAX = 10;

/** Collects what a checker finds. One broken promise often shows a thousand times. */
export class Findings {
  readonly anomalies: Anomaly[] = [];
  readonly #counts = new Map<AnomalyName, number>();

  /** How many of each kind, also those that were not kept. */
  get counts(): ReadonlyMap<AnomalyName, number> {
    return this.#counts;
  }

  /** Adds one. `detail` is built only if it is kept; the operations are listed below it. */
  add(name: AnomalyName, operations: readonly Operation[], detail: () => string): void {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    if (count > KEPT_MAX) return;
    const lines = operations.map((operation) => `\n  ${describeOperation(operation)}`);
    this.anomalies.push({
      name,
      detail: `${detail()}${lines.join("")}`,
      operations: operations.map((operation) => operation.id),
    });
  }
}
