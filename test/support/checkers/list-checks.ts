/**
 * What lists show without any graph: elements that nobody may see, that are there twice or in two
 * orders, that are gone, and reads that miss what was answered before they began.
 *
 * Every finding here is certain by itself, so each has a name of its own and comes before cycles.
 */
import { AcknowledgedBy } from "./acknowledged-by.ts";
import { listText } from "./anomaly.ts";
import type { Findings } from "./findings.ts";
import { doneAtMs, foreignCount } from "./list-index.ts";
import type { Append, ListIndex, ListOfKey, ListRead } from "./list-index.ts";
import { isSettled, isStrict } from "./history.ts";
import type { TransactionOperation } from "./history.ts";

/** Checks every list. @param lateMs Two times may be off by so much. */
export function checkLists(index: ListIndex, lateMs: number, findings: Findings): void {
  for (const { by, element } of index.repeated) {
    const why = (): string => `${element} was appended to one list twice by clients`;
    findings.add("history-broken", [by], why);
  }
  for (const list of index.lists.values()) {
    for (const read of list.reads) {
      checkOwn(list, read, findings);
      checkElements(list, read, findings);
    }
    checkSameInOne(list, findings);
    checkOrders(list, findings);
    checkWholeness(list, findings);
    checkTime(list, lateMs, findings);
  }
}

/** A transaction sees its own appends from when it made them on: at the end and in order. */
function checkOwn(list: ListOfKey, read: ListRead, findings: Findings): void {
  const own = read.by.micro.flatMap(([what, key, value]) =>
    what === "append" && key === list.key ? [value] : [],
  );
  if (own.length === 0) return;
  const foreign = read.whole.slice(0, foreignCount(read));
  const isTail = own.slice(0, read.ownCount).every((element, i) => {
    return read.whole[foreign.length + i] === element;
  });
  if (isTail && !own.some((element) => foreign.includes(element))) return;
  findings.add("internal", [read.by], () => {
    const made = listText(own.slice(0, read.ownCount));
    return `having appended ${made} to ${list.key}, a transaction saw ${listText(read.whole)}`;
  });
}

/** Two reads in one transaction see the same of the others. */
function checkSameInOne(list: ListOfKey, findings: Findings): void {
  let before: ListRead | null = null;
  for (const read of list.reads) {
    if (before?.node === read.node && foreignCount(before) !== foreignCount(read)) {
      const counts = [foreignCount(before), foreignCount(read)];
      findings.add("internal", [read.by], () => {
        return `a transaction saw ${counts.join(", then ")} elements of others in ${list.key}`;
      });
    }
    before = read;
  }
}

function checkElements(list: ListOfKey, read: ListRead, findings: Findings): void {
  // A read that is the beginning of the longest one can only repeat what that one showed, except
  // for where it ends.
  if (read.isPrefix && read.whole !== list.order) return checkLast(list, read, findings);
  const seen = new Set<number | string>();
  for (const element of read.whole) {
    const append = list.appends.get(element);
    if (seen.has(element)) {
      const of = append === undefined ? [read.by] : [append.by, read.by];
      findings.add("duplicate-append", of, () => `${element} is in ${list.key} twice`);
    }
    seen.add(element);
    if (append === undefined) {
      const why = (): string => `${element} is in ${list.key}, where nobody appended it`;
      findings.add("invented-value", [read.by], why);
    } else if (append.by.outcome === "fail") {
      const why = (): string => `${element} is in ${list.key} although it was refused for certain`;
      findings.add("G1a", [append.by, read.by], why);
    }
  }
  checkLast(list, read, findings);
}

/** A list never ends between two appends of one transaction, but for that transaction itself. */
function checkLast(list: ListOfKey, read: ListRead, findings: Findings): void {
  const element = read.whole[foreignCount(read) - 1];
  const last = element === undefined ? undefined : list.appends.get(element);
  if (last === undefined || last.isLast || last.node === read.node) return;
  findings.add("G1b", [last.by, read.by], () => {
    return `a read of ${list.key} ends at ${last.element}, in the middle of a transaction`;
  });
}

function checkOrders(list: ListOfKey, findings: Findings): void {
  const longest = list.reads.find((read) => read.whole === list.order);
  for (const read of list.reads) {
    if (read.isPrefix || longest === undefined) continue;
    const place = read.whole.findIndex((element, i) => list.order[i] !== element);
    findings.add("incompatible-order", [longest.by, read.by], () => {
      const two = `${String(list.order[place])} and ${String(read.whole[place])}`;
      return `${list.key} has ${two} at place ${place + 1}`;
    });
  }
}

/** What one transaction appended to a list stands together, all of it. */
function checkWholeness(list: ListOfKey, findings: Findings): void {
  for (const [rank, element] of list.order.entries()) {
    const append = list.appends.get(element);
    if (append === undefined) continue;
    const before = list.order[rank - 1];
    const next = list.appends.get(list.order[rank + 1] ?? "");
    const isBehindItsOwn = append.previous === null || append.previous.element === before;
    const isBeforeItsOwn = append.isLast || next === undefined || next.previous === append;
    if (isBehindItsOwn && isBeforeItsOwn) continue;
    findings.add("torn-transaction", [append.by], () => {
      return `${list.key} has only part of what one transaction appended, around ${element}`;
    });
  }
}

/** A strict read misses nothing that was answered, or seen by a strict read, before it began. */
function checkTime(list: ListOfKey, lateMs: number, findings: Findings): void {
  const known = new AcknowledgedBy<TransactionOperation>();
  const unseen: Append[] = [];
  for (const append of list.appends.values()) {
    if (!isSettled(append.by)) continue;
    const doneMs = doneAtMs(append.by) + lateMs;
    const rank = list.rankOf.get(append.element);
    if (rank === undefined) unseen.push(append);
    else known.add(doneMs, rank + 1, append.by);
  }
  const strict = list.reads.filter((read) => isStrict(read.by));
  for (const read of strict) {
    if (read.isPrefix) known.add(doneAtMs(read.by) + lateMs, read.whole.length, read.by);
  }
  for (const read of strict) {
    const missed = read.isPrefix ? known.before(read.by.start) : null;
    if (missed !== null && missed.rank > read.whole.length) {
      const counts = `${read.whole.length} elements, and ${missed.rank} were known before it began`;
      findings.add("stale-read", [missed.what, read.by], () => {
        return `a read of ${list.key} sees ${counts}`;
      });
    }
  }
  const lastRead = strict.reduce<ListRead | null>((last, read) => {
    return last === null || read.by.start > last.by.start ? read : last;
  }, null);
  for (const append of unseen) {
    if (lastRead === null || lastRead.by.start <= doneAtMs(append.by) + lateMs) continue;
    findings.add("lost-append", [append.by, lastRead.by], () => {
      return `${append.element} was acknowledged, and a later read of ${list.key} misses it`;
    });
  }
}
