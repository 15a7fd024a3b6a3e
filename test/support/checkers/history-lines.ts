/**
 * One line of a history and back: the bytes of `../history.md`.
 *
 * Parsing never throws, whatever the line; the reason names what is wrong with it. Unknown fields
 * are ignored, so that a recorder may note more than the checkers read.
 */
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { HISTORY_VERSION, positionText } from "./history.ts";
import type { Fault, HistoryHeader, HistoryPosition, Operation } from "./history.ts";

/** One line of the file. */
export type HistoryLine =
  | { readonly type: "history"; readonly header: HistoryHeader }
  | { readonly type: "operation"; readonly operation: Operation }
  | { readonly type: "fault"; readonly fault: Fault }
  | { readonly type: "end"; readonly operations: number };

type Raw = { readonly [field: string]: unknown };

/** The line as JSON, without a line break. */
export function formatLine(line: HistoryLine): string {
  switch (line.type) {
    case "history":
      return JSON.stringify({ type: "history", version: HISTORY_VERSION, ...line.header });
    case "operation": {
      const { position, ...rest } = line.operation;
      if (position === undefined) return JSON.stringify({ type: "operation", ...rest });
      return JSON.stringify({ type: "operation", ...rest, position: positionText(position) });
    }
    case "fault":
      return JSON.stringify({ type: "fault", ...line.fault });
    case "end":
      return JSON.stringify(line);
  }
}

/** The line, or what is wrong with it. */
export function parseLine(text: string): Result<HistoryLine, string> {
  const raw = parseObject(text);
  if (raw === null) return err("not a JSON object");
  switch (raw["type"]) {
    case "history":
      return parseHeader(raw);
    case "operation":
      return parseOperation(raw);
    case "fault":
      return parseFault(raw);
    case "end":
      if (!isCount(raw["operations"])) return err("end without the number of operations");
      return ok({ type: "end", operations: raw["operations"] });
    default:
      return err(`no type ${JSON.stringify(raw["type"])}`);
  }
}

function parseObject(text: string): Raw | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Raw)
      : null;
  } catch {
    return null;
  }
}

function parseHeader(raw: Raw): Result<HistoryLine, string> {
  const { type: _type, version, ...header } = raw;
  if (version !== HISTORY_VERSION) return err(`version ${String(version)}, not ${HISTORY_VERSION}`);
  if (typeof header["source"] !== "string") return err("source is no text");
  if (!isTime(header["clockUncertaintyMs"])) return err("clockUncertaintyMs is no number from 0");
  if (!isOptional(header["seed"], isNumber)) return err("seed is no number");
  return ok({ type: "history", header: header as unknown as HistoryHeader });
}

function parseFault(raw: Raw): Result<HistoryLine, string> {
  const { type: _type, ...fault } = raw;
  if (typeof fault["fault"] !== "string") return err("fault is no text");
  if (typeof fault["what"] !== "string") return err("what is no text");
  if (!["begin", "end", "moment"].includes(String(fault["phase"]))) return err("unknown phase");
  if (!isTime(fault["time"])) return err("time is no number from 0");
  return ok({ type: "fault", fault: fault as unknown as Fault });
}

function parseOperation(raw: Raw): Result<HistoryLine, string> {
  const problem = headProblem(raw) ?? termsProblem(raw) ?? bodyProblem(raw);
  if (problem !== null) return err(problem);
  const { type: _type, position, ...rest } = raw;
  const place = position === undefined ? undefined : parsePosition(position);
  if (place === null) return err(`position ${JSON.stringify(position)} is not "term:index"`);
  const whole = place === undefined ? rest : { ...rest, position: place };
  return ok({ type: "operation", operation: whole as unknown as Operation });
}

function headProblem(raw: Raw): string | null {
  const { id, process, session, start, end, outcome } = raw;
  if (!isCount(id)) return "id is no whole number from 0";
  if (typeof process !== "string") return "process is no text";
  if (!isOptional(session, isText)) return "session is no text";
  if (!isTime(start)) return "start is no number from 0";
  if (!["ok", "fail", "unknown"].includes(String(outcome))) return "outcome is unheard of";
  if (outcome === "unknown") return end === undefined ? null : "end of an unknown outcome";
  if (!isTime(end)) return "end is no number from 0";
  return end < start ? "it ends before it starts" : null;
}

function termsProblem(raw: Raw): string | null {
  const { level, maxStalenessMs, afterIndex, ack, member, boot, timeline } = raw;
  const levels = [undefined, "local", "bounded", "session", "linearizable"];
  if (!levels.includes(level as string | undefined)) return "level is unheard of";
  const acks = [undefined, "flushed", "committed", "applied"];
  if (!acks.includes(ack as string | undefined)) return "ack is unheard of";
  if (level === "bounded" && !isTime(maxStalenessMs)) return "bounded without maxStalenessMs";
  if (!isOptional(afterIndex, isCount)) return "afterIndex is no whole number from 0";
  if (!isOptional(member, isText)) return "member is no text";
  if (!isOptional(boot, isCount)) return "boot is no whole number from 0";
  if (!isOptional(timeline, isCount)) return "timeline is no whole number from 0";
  return null;
}

function bodyProblem(raw: Raw): string | null {
  const { kind, key, outcome } = raw;
  const isOk = outcome === "ok";
  if (kind === "txn") return microProblem(raw["micro"], isOk);
  if (typeof key !== "string") return "key is no text";
  switch (kind) {
    case "read":
      return isOk === isValue(raw["value"]) ? null : "value goes with the outcome ok";
    case "write":
      return isValue(raw["value"]) ? null : "value is missing";
    case "cas":
      if (!isValue(raw["from"]) || !isValue(raw["to"])) return "from or to is missing";
      return isOk === (typeof raw["swapped"] === "boolean") ? null : "swapped goes with ok";
    default:
      return `no kind ${JSON.stringify(kind)}`;
  }
}

function microProblem(micro: unknown, isOk: boolean): string | null {
  if (!Array.isArray(micro)) return "micro is no list";
  for (const each of micro as unknown[]) {
    if (!Array.isArray(each) || typeof each[1] !== "string") return "a step is [what, key, value]";
    const [what, , value] = each as unknown[];
    if (what === "append") {
      if (!isElement(value)) return "an append of neither number nor text";
    } else if (what === "r") {
      const isRead = Array.isArray(value) && value.every(isElement);
      if (!isRead && (isOk || value !== null)) return "an answered read is a list";
    } else return `no step ${JSON.stringify(what)}`;
  }
  return null;
}

function parsePosition(value: unknown): HistoryPosition | null {
  const match = typeof value === "string" ? /^(\d{1,15}):(\d{1,15})$/.exec(value) : null;
  if (match === null) return null;
  return { term: Number(match[1]), index: Number(match[2]) };
}

function isOptional(value: unknown, test: (value: unknown) => boolean): boolean {
  return value === undefined || test(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isElement(value: unknown): value is number | string {
  return typeof value === "number" || typeof value === "string";
}

function isValue(value: unknown): boolean {
  return value === null || isElement(value);
}
