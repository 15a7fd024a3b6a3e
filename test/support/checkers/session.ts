/**
 * What one session is owed (Terry and others, "Session Guarantees for Weakly Consistent Replicated
 * Data", 1994): it sees its own writes, never goes back, and its writes come after what it saw.
 *
 * Reads of level `session` and stricter are held to it, with what the client asked for; the order
 * of a session's writes holds whatever it read. Judged twice: by positions and by contents.
 */
import type { AnomalyName } from "./anomaly.ts";
import type { Findings } from "./findings.ts";
import { endOf, isSettled, isStrict, isWrite, sessionOf, timelineOf } from "./history.ts";
import type { Operation, ReadOperation, TransactionOperation } from "./history.ts";
import { indexLists } from "./list-index.ts";
import type { ListIndex } from "./list-index.ts";
import { indexRegisters, isOlder, versionOf } from "./register-index.ts";
import type { RegisterOfKey } from "./register-index.ts";

type Read = ReadOperation | TransactionOperation;

/** What all checks of one session share. */
type Context = {
  readonly lists: ListIndex["lists"];
  readonly registers: ReadonlyMap<string, RegisterOfKey>;
  readonly findings: Findings;
  readonly lateMs: number;
};

/** Of all operations of a session that ended so far, what the next ones are held against. */
type Memory = {
  /** Settled writes, and reads that promised something, by key. */
  readonly ofKey: Map<string, Operation[]>;
  /** The furthest settled write, read with a promise, and read of any kind, per timeline. */
  readonly furthest: Map<string, Operation>;
};

/** So many earlier operations on one key are compared with the next one; the latest count. */
const REMEMBERED_MAX = 24;

/** Checks every session. @param lateMs Two times may be off by so much. @returns how many. */
export function checkSessions(
  operations: readonly Operation[],
  lateMs: number,
  findings: Findings,
): number {
  const { lists } = indexLists(operations);
  const context = { lists, registers: indexRegisters(operations), findings, lateMs };
  const sessions = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (operation.outcome !== "ok") continue;
    const known = sessions.get(sessionOf(operation));
    if (known === undefined) sessions.set(sessionOf(operation), [operation]);
    else known.push(operation);
  }
  for (const ofSession of sessions.values()) checkSession(ofSession, context);
  return sessions.size;
}

function checkSession(operations: readonly Operation[], context: Context): void {
  const memory: Memory = { ofKey: new Map(), furthest: new Map() };
  for (const operation of operations.toSorted((a, b) => a.start - b.start)) {
    checkPositions(operation, memory, context.findings);
    for (const key of keysOf(operation)) {
      for (const earlier of memory.ofKey.get(key) ?? []) {
        if (endOf(earlier) <= operation.start) checkContents(operation, earlier, key, context);
      }
    }
    remember(operation, memory);
  }
}

function remember(operation: Operation, memory: Memory): void {
  const kinds = isWrite(operation) ? [] : ["read"];
  if (isAnsweredByMember(operation)) kinds.push(memberOf(operation));
  if (isSettled(operation) && isWrite(operation)) kinds.push("write");
  if (!isWrite(operation) && isPromised(operation)) kinds.push("promised");
  for (const kind of kinds) {
    const name = `${kind} ${timelineOf(operation)}`;
    const known = memory.furthest.get(name);
    const index = operation.position?.index;
    if (index !== undefined && index >= (known?.position?.index ?? 0)) {
      memory.furthest.set(name, operation);
    }
  }
  if (isWrite(operation) && !isSettled(operation)) return;
  for (const key of keysOf(operation)) {
    const known = memory.ofKey.get(key) ?? [];
    memory.ofKey.set(key, [...known, operation].slice(-REMEMBERED_MAX));
  }
}

/** Whether later reads of the session may not show less than this one did. */
function isPromised(operation: Operation): boolean {
  return isStrict(operation) || ("level" in operation && operation.level === "session");
}

/** Whether a read promises to show what stands at the earlier operation's position. */
function isOwed(read: Operation, earlier: Operation): boolean {
  if (isStrict(read)) return true;
  if (!isPromised(read)) return false;
  const afterIndex = "afterIndex" in read ? read.afterIndex : undefined;
  return afterIndex === undefined || (earlier.position?.index ?? Infinity) <= afterIndex;
}

function checkPositions(operation: Operation, memory: Memory, findings: Findings): void {
  const index = operation.position?.index;
  if (index === undefined) return;
  const timeline = timelineOf(operation);
  const hold = (kind: string, name: AnomalyName, rule: "not before" | "behind"): void => {
    const earlier = memory.furthest.get(`${kind} ${timeline}`);
    const before = earlier?.position?.index;
    if (earlier === undefined || before === undefined || endOf(earlier) > operation.start) return;
    if (index > before || (rule === "not before" && index === before)) return;
    if (rule === "not before" && !isOwed(operation, earlier)) return;
    findings.add(name, [earlier, operation], () => {
      return `session ${sessionOf(operation)}: ${index} is not ${rule} ${before}`;
    });
  };
  if (isWrite(operation) && isSettled(operation)) {
    hold("write", "monotonic-writes", "behind");
    hold("read", "writes-follow-reads", "behind");
    return;
  }
  if ("afterIndex" in operation && index < (operation.afterIndex ?? 0)) {
    const why = (): string => `it shows ${index} and had asked for ${String(operation.afterIndex)}`;
    findings.add("read-your-writes", [operation], why);
  } else if (isPromised(operation)) {
    hold("write", "read-your-writes", "not before");
    hold("promised", "monotonic-reads", "not before");
  }
  checkMember(operation, memory, findings);
}

/** One member never shows one session an older state than before, at any level. */
function checkMember(operation: Operation, memory: Memory, findings: Findings): void {
  const earlier = memory.furthest.get(`${memberOf(operation)} ${timelineOf(operation)}`);
  const { member, position } = operation;
  if (!isAnsweredByMember(operation)) return;
  if (earlier?.position === undefined || position === undefined) return;
  if (endOf(earlier) > operation.start || position.index >= earlier.position.index) return;
  const two = `${position.index} after ${earlier.position.index}`;
  findings.add("member-went-back", [earlier, operation], () => `${String(member)} showed ${two}`);
}

/** What goes through the log is answered by the leader, whoever passes it on; that is no read of a member. */
function isAnsweredByMember(operation: Operation): boolean {
  const isRead = operation.kind === "read" || operation.kind === "txn";
  if (!isRead || operation.level === undefined) return false;
  // After a loss of power a member may know of less, so without the start nothing is owed.
  return operation.member !== undefined && operation.boot !== undefined;
}

function memberOf({ member, boot }: Operation): string {
  return `member ${member ?? ""} ${boot ?? ""}`;
}

function checkContents(later: Operation, earlier: Operation, key: string, context: Context): void {
  if (later.kind === "txn" && earlier.kind === "txn") {
    checkLists(later, earlier, key.slice("list ".length), context);
  } else if (later.kind === "read" && earlier.kind !== "txn" && isOwed(later, earlier)) {
    checkRegister(later, earlier, context);
  }
}

function checkLists(
  later: TransactionOperation,
  earlier: TransactionOperation,
  key: string,
  { lists, findings }: Context,
): void {
  const list = lists.get(key);
  if (list === undefined) return;
  const ranksOf = (operation: TransactionOperation): readonly number[] =>
    operation.micro.flatMap(([what, of, value]) =>
      what === "append" && of === key ? [list.rankOf.get(value) ?? Infinity] : [],
    );
  const shown = shownOf(later, key);
  const before = { rank: Math.max(-1, ...ranksOf(earlier)), shown: shownOf(earlier, key) ?? 0 };
  const report = (name: AnomalyName, why: string): void => {
    findings.add(name, [earlier, later], () => `session ${sessionOf(later)}, ${key}: ${why}`);
  };
  if (shown !== null && isOwed(later, earlier)) {
    if (before.rank >= shown) report("read-your-writes", "a read misses the session's own append");
    else if (isPromised(earlier) && before.shown > shown) {
      report("monotonic-reads", `a read shows ${shown} elements after one of ${before.shown}`);
    }
  }
  const appended = isSettled(later) ? ranksOf(later) : [];
  for (const rank of appended) {
    if (rank === Infinity) continue;
    if (rank < before.rank && before.rank !== Infinity) {
      report("monotonic-writes", "a later append stands before an earlier one");
    } else if (rank < before.shown) {
      report("writes-follow-reads", "an append stands before what had been read");
    }
  }
}

function checkRegister(later: ReadOperation, earlier: Operation, context: Context): void {
  const register = context.registers.get(later.key);
  if (register === undefined || earlier.kind === "txn") return;
  const shown = versionOf(register, later.value ?? null);
  if (earlier.kind === "read") {
    if (!isPromised(earlier)) return;
    if (!isOlder(shown, versionOf(register, earlier.value ?? null), context.lateMs)) return;
    context.findings.add("monotonic-reads", [earlier, later], () => {
      return `session ${sessionOf(later)}: the older value came after the newer one`;
    });
  } else if (isWrite(earlier) && isOlder(shown, earlier, context.lateMs)) {
    context.findings.add("read-your-writes", [earlier, later], () => {
      return `session ${sessionOf(later)}: a read misses the session's own write`;
    });
  }
}

/** How many elements of the list its last read showed; null: it did not read it. */
function shownOf(operation: Read, key: string): number | null {
  if (operation.kind === "read") return null;
  const reads = operation.micro.filter(([what, of]) => what === "r" && of === key);
  const value = reads.at(-1)?.[2];
  return Array.isArray(value) ? value.length : null;
}

/** Registers and lists are different name spaces. */
function keysOf(operation: Operation): readonly string[] {
  if (operation.kind !== "txn") return [`register ${operation.key}`];
  return [...new Set(operation.micro.map(([, key]) => `list ${key}`))];
}
