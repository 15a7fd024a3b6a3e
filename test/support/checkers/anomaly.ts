/** What a checker says when it finds something, and how operations look in its words. */
import { positionText } from "./history.ts";
import type { MicroOperation, Operation, Value } from "./history.ts";

/** What can be wrong with a history. Sources and exact meaning: DESIGN.md beside this file. */
export type AnomalyName =
  // Registers.
  | "not-linearizable"
  // Lists: what the reads show by themselves.
  | "internal"
  | "G1a"
  | "G1b"
  | "torn-transaction"
  | "lost-append"
  | "duplicate-append"
  | "incompatible-order"
  | "invented-value"
  | "stale-read"
  // Lists: cycles; with `-session` or `-realtime` when the cycle needs such an edge.
  | CycleName
  | `${CycleName}-session`
  | `${CycleName}-realtime`
  // Sessions.
  | "read-your-writes"
  | "monotonic-reads"
  | "monotonic-writes"
  | "writes-follow-reads"
  | "member-went-back"
  // Bounds and positions.
  | "staler-than-bound"
  | "as-of-is-untrue"
  | "position-taken-twice"
  | "positions-against-time"
  | "stale-position"
  // The recorder's own mistakes: the history means nothing.
  | "history-broken";

/** Adya's cycles: of writes; with reads of them; with one missed write; with several. */
export type CycleName = "G0" | "G1c" | "G-single" | "G2-item";

/** One finding. */
export type Anomaly = {
  readonly name: AnomalyName;
  /** Sentences and lines for people; complete without the history at hand. */
  readonly detail: string;
  /** Ids of the operations it is about, in the order of the text. */
  readonly operations: readonly number[];
};

/** The operation in one line. */
export function describeOperation(operation: Operation): string {
  const { id, process, start, end, member, position } = operation;
  const time =
    end === undefined
      ? `${milliseconds(start)}..?`
      : `${milliseconds(start)}..${milliseconds(end)}`;
  const where = member === undefined ? "" : ` on ${member}`;
  const place = position === undefined ? "" : ` at ${positionText(position)}`;
  return `#${id} ${process} [${time}] ${deedOf(operation)}${where}${place} (${operation.outcome})`;
}

function deedOf(operation: Operation): string {
  const level = "level" in operation && operation.level !== undefined ? `${operation.level} ` : "";
  switch (operation.kind) {
    case "read":
      return `${level}read ${operation.key} -> ${valueText(operation.value)}`;
    case "write":
      return `write ${operation.key} = ${valueText(operation.value)}`;
    case "cas": {
      const told = operation.swapped === undefined ? "?" : operation.swapped ? "yes" : "no";
      const { key, from, to } = operation;
      return `cas ${key} ${valueText(from)} -> ${valueText(to)}: ${told}`;
    }
    case "txn":
      return `${level}txn ${operation.micro.map(stepText).join(", ")}`;
  }
}

function stepText([what, key, value]: MicroOperation): string {
  return what === "append" ? `append ${key} ${value}` : `r ${key} ${listText(value)}`;
}

/** A list for people; a long one is cut in the middle. */
export function listText(list: readonly (number | string)[] | null): string {
  if (list === null) return "?";
  const shown = list.length <= 12 ? list : [...list.slice(0, 4), "...", ...list.slice(-7)];
  return `[${shown.join(" ")}]`;
}

function valueText(value: Value | undefined): string {
  return value === undefined ? "?" : JSON.stringify(value);
}

function milliseconds(time: number): string {
  return String(Math.round(time * 1_000) / 1_000);
}
