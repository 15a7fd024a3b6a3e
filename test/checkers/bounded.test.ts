import { describe, expect, test } from "vitest";
import { checkHistory } from "../support/checkers/check-history.ts";
import type { Operation } from "../support/checkers/history.ts";
import { append, reads, txn } from "./list-lines.ts";
import { read, unknown, write } from "./register-lines.ts";

function namesOf(operations: readonly Operation[], clockUncertaintyMs = 0): readonly string[] {
  const header = { source: "test", clockUncertaintyMs };
  return Object.keys(checkHistory({ header, operations, faults: [] }).anomalyCounts);
}

function at<T extends Operation>(operation: T, index: number): T {
  return { ...operation, position: { term: 1, index } };
}

/** The operation as a read that may miss what is younger than so many ms. */
function within<T extends Operation>(maxStalenessMs: number, operation: T): T {
  return { ...operation, level: "bounded", maxStalenessMs };
}

describe("staler-than-bound", () => {
  const old = [write(1, 1, 0, 10), write(2, 2, 20, 30)];

  test("a register's value that was replaced longer ago than the bound", () => {
    expect(namesOf([...old, within(50, read(3, 1, 81, 82))])).toEqual(["staler-than-bound"]);
    expect(namesOf([...old, within(50, read(3, 1, 80, 82))])).toEqual([]);
  });

  test("no value although there was one", () => {
    expect(namesOf([...old, within(5, read(3, null, 31, 32))])).toEqual(["staler-than-bound"]);
    expect(namesOf([...old, within(25, read(3, null, 31, 32))])).toEqual([]);
  });

  test("a list that misses an append", () => {
    const appended = [txn(1, [0, 10], append("a", 1)), txn(2, [90, 91], reads("a", 1))];
    const stale = within(50, txn(3, [61, 62], reads("a")));
    expect(namesOf([...appended, stale])).toEqual(["staler-than-bound"]);
    expect(namesOf([...appended, within(51, stale)])).toEqual([]);
  });

  test("a position that was passed long ago, whatever the contents", () => {
    const stale = within(50, at(read(3, 9, 61, 62), 6));
    const other = { ...at(write(1, 1, 0, 10), 7), key: "r2" };
    const mine = at(write(2, 9, 0, 1), 2);
    expect(namesOf([mine, other, stale])).toEqual(["staler-than-bound"]);
    expect(namesOf([mine, other, within(52, stale)])).toEqual([]);
  });

  test("what the clocks cannot tell apart is no finding", () => {
    const history = [...old, within(50, read(3, 1, 85, 86))];
    expect(namesOf(history, 4)).toEqual(["staler-than-bound"]);
    expect(namesOf(history, 6)).toEqual([]);
  });
});

describe("as-of-is-untrue", () => {
  const writes = [at(write(1, 1, 0, 10), 3), at(write(2, 2, 20, 30), 5)];
  const local = (operation: Operation): Operation =>
    ({ ...operation, level: "local" }) as Operation;

  test.each([
    ["a register's value that came later", [...writes, local(at(read(3, 2, 40, 41), 4))]],
    ["a register's value that was replaced by then", [...writes, local(at(read(3, 1, 40, 41), 5))]],
    ["no value although one was there by then", [...writes, local(at(read(3, null, 40, 41), 3))]],
    [
      "a list with what came later",
      [
        at(txn(1, [0, 1], append("a", 1)), 3),
        at(txn(2, [2, 3], append("a", 2)), 5),
        local(at(txn(3, [4, 5], reads("a", 1, 2)), 4)),
      ],
    ],
    [
      "a list without what was there by then",
      [
        at(txn(1, [0, 1], append("a", 1)), 3),
        at(txn(2, [2, 3], append("a", 2)), 5),
        local(at(txn(3, [4, 5], reads("a", 1)), 5)),
        at(txn(4, [6, 7], reads("a", 1, 2)), 6),
      ],
    ],
    [
      "a list without what nobody ever saw",
      [at(txn(1, [0, 1], append("a", 1)), 3), local(at(txn(3, [4, 5], reads("a")), 5))],
    ],
  ] as readonly (readonly [string, readonly Operation[]])[])("%s", (_, history) => {
    expect(namesOf(history)).toEqual(["as-of-is-untrue"]);
  });

  test.each([
    [
      "just what is there",
      [...writes, local(at(read(3, 1, 40, 41), 4)), local(at(read(4, 2, 40, 41), 5))],
    ],
    [
      "an unanswered write has no place",
      [...writes, unknown(write(3, 3, 31, 32)), local(at(read(4, 3, 40, 41), 9))],
    ],
    ["two timelines", [...writes, { ...local(at(read(3, 1, 40, 41), 5)), timeline: 2 }]],
    [
      "a transaction that read before it appended",
      [at(txn(1, [0, 1], reads("a"), append("a", 1)), 3), at(txn(2, [2, 3], reads("a", 1)), 4)],
    ],
  ] as readonly (readonly [string, readonly Operation[]])[])("no finding: %s", (_, history) => {
    expect(namesOf(history)).toEqual([]);
  });
});

describe("places in the log", () => {
  test("two writes were told the same place", () => {
    const other = { ...write(2, 2, 0, 11), key: "r2" };
    expect(namesOf([at(write(1, 1, 0, 10), 3), at(other, 3)])).toEqual(["position-taken-twice"]);
    const third = at(txn(3, [0, 9], append("a", 1)), 3);
    expect(namesOf([at(other, 3), third])).toEqual(["position-taken-twice"]);
  });

  test("a later write was told an earlier place", () => {
    const other = { ...write(2, 2, 11, 12), key: "r2" };
    expect(namesOf([at(write(1, 1, 0, 10), 3), at(other, 2)])).toEqual(["positions-against-time"]);
    expect(namesOf([at(write(1, 1, 0, 11), 3), at(other, 2)])).toEqual([]);
    const local = { ...at(read(1, null, 0, 10), 3), level: "local" } as const;
    expect(namesOf([local, at(other, 3)])).toEqual(["positions-against-time"]);
  });

  test("a linearizable read stands before what was known", () => {
    const other = { ...read(2, null, 11, 12), key: "r2" };
    expect(namesOf([at(write(1, 1, 0, 10), 3), at(other, 2)])).toEqual(["stale-position"]);
    const seen = { ...at(read(1, null, 0, 10), 3), level: "local" } as const;
    expect(namesOf([seen, at(other, 2)])).toEqual(["stale-position"]);
    expect(namesOf([seen, at(other, 3)])).toEqual([]);
  });
});

describe("the recorder's own mistakes", () => {
  test("a process that did two things at a time, and an id that is there twice", () => {
    const two = [write(1, 1, 0, 5), { ...write(2, 2, 4, 6), process: "c1" }];
    expect(namesOf(two)).toEqual(["history-broken"]);
    expect(namesOf([write(1, 1, 0, 5), { ...write(1, 2, 6, 7), process: "c2" }])).toContain(
      "history-broken",
    );
  });
});
