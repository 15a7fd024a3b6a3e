/**
 * Reads held against time and position: none is older than it may be, and each shows just what
 * stood at the position it names.
 *
 * These checks need no search, because a position says where in the one order of writes an answer
 * belongs. Positions of different timelines are never compared.
 */
import { AcknowledgedBy } from "./acknowledged-by.ts";
import type { Findings } from "./findings.ts";
import { endOf, isSettled, isStrict, isWrite, timelineOf } from "./history.ts";
import type { Operation, ReadOperation } from "./history.ts";
import { isOlder, versionOf } from "./register-index.ts";
import type { RegisterOfKey, Setting } from "./register-index.ts";
import { foreignCount } from "./list-index.ts";
import type { ListIndex, ListOfKey } from "./list-index.ts";

/** How old an answer may be, ms; null: as old as it likes. */
export function boundOf(read: Operation): number | null {
  if (isStrict(read)) return 0;
  if (read.kind === "read" || read.kind === "txn") {
    return read.level === "bounded" ? (read.maxStalenessMs ?? 0) : null;
  }
  return null;
}

/** Places in the log against time. @param lateMs Two times may be off by so much. */
export function checkPositions(
  operations: readonly Operation[],
  lateMs: number,
  findings: Findings,
): void {
  const placed = operations.filter((each) => each.position !== undefined && isSettled(each));
  const taken = new Map<string, Operation>();
  const known = new Map<number, AcknowledgedBy<Operation>>();
  for (const operation of placed) {
    const timeline = timelineOf(operation);
    const index = operation.position?.index ?? 0;
    const facts = known.get(timeline) ?? new AcknowledgedBy<Operation>();
    known.set(timeline, facts);
    facts.add(endOf(operation) + lateMs, index, operation);
    if (!isWrite(operation)) continue;
    const other = taken.get(`${timeline}:${index}`);
    if (other === undefined) taken.set(`${timeline}:${index}`, operation);
    else findings.add("position-taken-twice", [other, operation], () => `two writes at ${index}`);
  }
  for (const operation of placed) checkPlace(operation, known, findings);
}

function checkPlace(
  operation: Operation,
  known: ReadonlyMap<number, AcknowledgedBy<Operation>>,
  findings: Findings,
): void {
  const boundMs = boundOf(operation);
  const index = operation.position?.index ?? 0;
  if (boundMs === null) return;
  const before = known.get(timelineOf(operation))?.before(operation.start - boundMs);
  if (before === null || before === undefined) return;
  const isBehind = isWrite(operation) ? index > before.rank : index >= before.rank;
  if (isBehind) return;
  const kind = isWrite(operation) ? "positions-against-time" : "stale-position";
  const name = boundMs > 0 ? "staler-than-bound" : kind;
  findings.add(name, [before.what, operation], () => {
    const when = boundMs > 0 ? `more than ${boundMs} ms before this one began` : "before it began";
    return `${index}, although ${before.rank} was told ${when}`;
  });
}

/** Contents of bounded reads, and of all reads against their positions: lists. */
export function checkBoundedLists(index: ListIndex, lateMs: number, findings: Findings): void {
  for (const list of index.lists.values()) {
    checkListBounds(list, lateMs, findings);
    const timelines = new Set(list.reads.map((read) => timelineOf(read.by)));
    for (const timeline of timelines) checkListAsOf(list, timeline, findings);
  }
}

function checkListBounds(list: ListOfKey, lateMs: number, findings: Findings): void {
  const bounded = list.reads.filter((read) => (boundOf(read.by) ?? 0) > 0 && read.isPrefix);
  if (bounded.length === 0) return;
  const known = new AcknowledgedBy<Operation>();
  for (const { by, element } of list.appends.values()) {
    if (isSettled(by)) {
      known.add(endOf(by) + lateMs, (list.rankOf.get(element) ?? Infinity) + 1, by);
    }
  }
  for (const read of bounded) {
    const boundMs = boundOf(read.by) ?? 0;
    const missed = known.before(read.by.start - boundMs);
    if (missed === null || missed.rank <= read.whole.length) continue;
    findings.add("staler-than-bound", [missed.what, read.by], () => {
      return `a read of ${list.key} misses what was acknowledged more than ${boundMs} ms before`;
    });
  }
}

function checkListAsOf(list: ListOfKey, timeline: number, findings: Findings): void {
  const placeOf = (element: number | string): number | null => {
    const by = list.appends.get(element)?.by;
    const isPlaced = by !== undefined && isSettled(by) && timelineOf(by) === timeline;
    return isPlaced ? (by.position?.index ?? null) : null;
  };
  const places = list.order.map(placeOf);
  const highest = runningMost(places.map((place) => place ?? -Infinity));
  const unseen = [...list.appends.keys()].filter((element) => !list.rankOf.has(element));
  const behind = [...places, ...unseen.map(placeOf)].map((place) => -(place ?? Infinity));
  const lowestBehind = runningMost(behind.reverse()).reverse();
  for (const read of list.reads) {
    const index = read.by.position?.index;
    if (index === undefined || timelineOf(read.by) !== timeline || !read.isPrefix) continue;
    const shown = read.whole.length;
    const newest = highest[shown - 1] ?? -Infinity;
    const missed = -(lowestBehind[shown] ?? -Infinity);
    // A transaction that read before it appended stands at the place of its own append.
    const isComplete = missed > index || (missed === index && isWrite(read.by));
    if (newest <= index && isComplete) continue;
    findings.add("as-of-is-untrue", [read.by], () => {
      const what =
        newest > index ? `shows what came at ${newest}` : `misses what came at ${missed}`;
      return `a read of ${list.key} as of ${index} ${what} (it shows ${foreignCount(read)} of others)`;
    });
  }
}

/** Of each place the most of all up to there. */
function runningMost(numbers: readonly number[]): number[] {
  let most = -Infinity;
  return numbers.map((number) => (most = Math.max(most, number)));
}

/** Contents of bounded reads, and of all reads against their positions: registers. */
export function checkBoundedRegisters(
  registers: ReadonlyMap<string, RegisterOfKey>,
  lateMs: number,
  findings: Findings,
): void {
  for (const register of registers.values()) {
    const byIndex = register.settled
      .filter((write) => write.position !== undefined)
      .sort((a, b) => (a.position?.index ?? 0) - (b.position?.index ?? 0));
    const byStart = new AcknowledgedBy<Setting>();
    const byPlace = new AcknowledgedBy<Setting>();
    for (const write of register.settled) {
      byStart.add(endOf(write) + lateMs, write.start, write);
      byPlace.add(endOf(write) + lateMs, write.position?.index ?? -Infinity, write);
    }
    const timelines = new Set(byIndex.map(timelineOf));
    for (const read of register.reads) {
      checkRegisterBound({ register, read, lateMs }, [byStart, byPlace], findings);
      const isComparable =
        timelines.size === 0 || (timelines.size === 1 && timelines.has(timelineOf(read)));
      if (isComparable) checkRegisterAsOf(register, read, byIndex, findings);
    }
  }
}

function checkRegisterBound(
  {
    register,
    read,
    lateMs,
  }: { readonly register: RegisterOfKey; readonly read: ReadOperation; readonly lateMs: number },
  known: readonly AcknowledgedBy<Setting>[],
  findings: Findings,
): void {
  if (read.level !== "bounded") return;
  const boundMs = read.maxStalenessMs ?? 0;
  const shown = versionOf(register, read.value ?? null);
  for (const facts of known) {
    const before = facts.before(read.start - boundMs);
    if (before === null || !isOlder(shown, before.what, lateMs)) continue;
    findings.add("staler-than-bound", [before.what, read], () => {
      return `a read misses what was acknowledged more than ${boundMs} ms before it began`;
    });
    return;
  }
}

/** The value is that of the last write at or before the read's position. */
function checkRegisterAsOf(
  register: RegisterOfKey,
  read: ReadOperation,
  writesByIndex: readonly Setting[],
  findings: Findings,
): void {
  const index = read.position?.index;
  const shown = versionOf(register, read.value ?? null);
  if (index === undefined || shown === null) return;
  if (shown !== "initial" && shown.position === undefined) return;
  const place = shown === "initial" ? 0 : (shown.position?.index ?? 0);
  const last = lastUpTo(writesByIndex, index);
  const lastPlace = last?.position?.index ?? 0;
  if (place <= index && lastPlace <= place) return;
  findings.add("as-of-is-untrue", [...(last === null ? [] : [last]), read], () => {
    const what = place > index ? `shows what came at ${place}` : `misses what came at ${lastPlace}`;
    return `a read of ${register.key} as of ${index} ${what}`;
  });
}

function lastUpTo(writesByIndex: readonly Setting[], index: number): Setting | null {
  let low = 0;
  let high = writesByIndex.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((writesByIndex[middle]?.position?.index ?? 0) <= index) low = middle + 1;
    else high = middle;
  }
  return writesByIndex[low - 1] ?? null;
}
