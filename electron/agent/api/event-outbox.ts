/**
 * Events waiting for one client that reads slower than the agent speaks.
 *
 * Nothing here grows without bound: a newer status replaces the older one, commits are merged
 * into one that covers their range, lag samples, leadership and seat changes keep the latest ones. A
 * client that catches up therefore sees the present, and misses only what it would have skipped.
 */
import type { ApiEvent } from "../../../shared/api/methods.ts";
import { unreachable } from "../../../shared/base/assert.ts";

type Committed = Extract<ApiEvent, { type: "committed" }>;

const LEADERSHIP_COUNT_MAX = 64;
const LAG_SAMPLE_COUNT_MAX = 1_024;
/** Beyond this many table names a merged commit just says "all of them". */
const TABLE_COUNT_MAX = 64;

/** A bounded, merging queue of events. */
export class EventOutbox {
  #leadership: ApiEvent[] = [];
  #committed: Committed | null = null;
  #lag: Extract<ApiEvent, { type: "lag" }> | null = null;
  #status: ApiEvent | null = null;

  push(event: ApiEvent): void {
    switch (event.type) {
      case "status":
        this.#status = event;
        return;
      case "leadership":
      case "seat":
      case "doubt":
        this.#leadership.push(event);
        if (this.#leadership.length > LEADERSHIP_COUNT_MAX) this.#leadership.shift();
        return;
      case "committed":
        this.#committed = this.#committed === null ? event : mergeCommits(this.#committed, event);
        return;
      case "lag": {
        const samples = [...(this.#lag?.samples ?? []), ...event.samples];
        this.#lag = { type: "lag", samples: samples.slice(-LAG_SAMPLE_COUNT_MAX) };
        return;
      }
      default:
        unreachable(event);
    }
  }

  /** The next event to send, or null. Status comes last: it then covers what came before it. */
  shift(): ApiEvent | null {
    const leadership = this.#leadership.shift();
    if (leadership !== undefined) return leadership;
    const next = this.#committed ?? this.#lag ?? this.#status;
    if (next === null) return null;
    if (next === this.#committed) this.#committed = null;
    else if (next === this.#lag) this.#lag = null;
    else this.#status = null;
    return next;
  }
}

function mergeCommits(earlier: Committed, later: Committed): Committed {
  const tables = [...new Set([...earlier.tables, ...later.tables])];
  const isAll = tables.includes("*") || tables.length > TABLE_COUNT_MAX;
  return {
    type: "committed",
    fromIndex: earlier.fromIndex,
    toIndex: later.toIndex,
    tables: isAll ? ["*"] : tables,
    rowCount: earlier.rowCount + later.rowCount,
    isSchemaChange: earlier.isSchemaChange || later.isSchemaChange,
  };
}
