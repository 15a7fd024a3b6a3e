import { describe, expect, test } from "vitest";
import { Findings } from "../support/checkers/findings.ts";
import type { Operation } from "../support/checkers/history.ts";
import { checkSessions } from "../support/checkers/session.ts";
import { append, reads, txn } from "./list-lines.ts";
import { cas, read, unknown, write } from "./register-lines.ts";

function namesOf(history: readonly Operation[]): readonly string[] {
  const findings = new Findings();
  checkSessions(history, 0, findings);
  return [...findings.counts.keys()];
}

/** The operation as one of the session under test. */
function mine<T extends Operation>(operation: T, index?: number): T {
  const place = index === undefined ? {} : { position: { term: 1, index } };
  return { ...operation, process: "me", session: "mine", ...place };
}

/** The same as a read of level `session`. */
function inSession<T extends Operation>(operation: T, afterIndex?: number): T {
  return { ...operation, level: "session", ...(afterIndex !== undefined && { afterIndex }) };
}

describe("planted", () => {
  test.each([
    [
      "a read as of before the own write",
      [mine(write(1, 1, 0, 1), 7), mine(inSession(read(2, 1, 2, 3)), 6)],
    ],
    [
      "a value that the own write had replaced",
      [write(1, 1, 0, 1), mine(write(2, 2, 2, 3)), mine(inSession(read(3, 1, 4, 5)))],
    ],
    [
      "no value after the own write",
      [mine(write(1, 1, 0, 1)), mine(inSession(read(2, null, 2, 3)))],
    ],
    [
      "a list without the own append",
      [mine(txn(1, [0, 1], append("a", 1))), mine(inSession(txn(2, [2, 3], reads("a"))))],
    ],
    ["less than the index that was asked for", [mine(inSession(read(1, null, 0, 1), 9), 8)]],
  ] as readonly (readonly [string, readonly Operation[]])[])(
    "read-your-writes: %s",
    (_, history) => {
      expect(namesOf(history)).toEqual(["read-your-writes"]);
    },
  );

  test.each([
    [
      "two positions that fall",
      [mine(inSession(read(1, null, 0, 1)), 7), mine(inSession(read(2, null, 2, 3)), 6)],
    ],
    [
      "the older value after the newer one",
      [
        write(1, 1, 0, 1),
        write(2, 2, 2, 3),
        mine(inSession(read(3, 2, 4, 5))),
        mine(inSession(read(4, 1, 6, 7))),
      ],
    ],
    [
      "a list that became shorter",
      [
        txn(1, [0, 1], append("a", 1)),
        mine(inSession(txn(2, [2, 3], reads("a", 1)))),
        mine(inSession(txn(3, [4, 5], reads("a")))),
        txn(4, [6, 7], reads("a", 1)),
      ],
    ],
    [
      "a list that became shorter on another member",
      [
        txn(1, [0, 1], append("a", 1), append("a", 2)),
        { ...mine(inSession(txn(2, [2, 3], reads("a", 1, 2)))), member: "n1" },
        { ...mine(inSession(txn(3, [4, 5], reads("a", 1)))), member: "n2" },
      ],
    ],
  ] as readonly (readonly [string, readonly Operation[]])[])(
    "monotonic-reads: %s",
    (_, history) => {
      expect(namesOf(history)).toEqual(["monotonic-reads"]);
    },
  );

  test.each([
    ["two places that fall", [mine(write(1, 1, 0, 1), 7), mine(write(2, 2, 2, 3), 6)]],
    ["two writes at one place", [mine(write(1, 1, 0, 1), 7), mine(cas(2, [1, 2], true, 2, 3), 7)]],
    [
      "two appends in the other order",
      [
        mine(txn(1, [0, 1], append("a", 1))),
        mine(txn(2, [2, 3], append("a", 2))),
        txn(3, [4, 5], reads("a", 2, 1)),
      ],
    ],
  ] as readonly (readonly [string, readonly Operation[]])[])(
    "monotonic-writes: %s",
    (_, history) => {
      expect(namesOf(history)).toEqual(["monotonic-writes"]);
    },
  );

  test.each([
    [
      "a write at a place that a local read had passed",
      [mine({ ...read(1, null, 0, 1), level: "local" }, 7), mine(write(2, 1, 2, 3), 7)],
    ],
    [
      "an append that stands before what was read",
      [
        txn(1, [0, 9], append("a", 1)),
        mine({ ...txn(2, [1, 2], reads("a", 1)), level: "local" }),
        mine(txn(3, [3, 4], append("a", 2))),
        txn(4, [10, 11], reads("a", 2, 1)),
      ],
    ],
  ] as readonly (readonly [string, readonly Operation[]])[])(
    "writes-follow-reads: %s",
    (_, history) => {
      expect(namesOf(history)).toContain("writes-follow-reads");
    },
  );

  test.each([
    ["local reads", "local"],
    ["bounded reads", "bounded"],
  ] as const)("member-went-back: %s of one member", (_, level) => {
    const history = [5, 4].map((index, i) => ({
      ...mine({ ...read(i, null, 2 * i, 2 * i + 1), level, maxStalenessMs: 1_000 }, index),
      member: "n1",
      boot: 1,
    }));
    expect(namesOf(history)).toEqual(["member-went-back"]);
    const restarted = history.map((each, i) => ({ ...each, boot: i }));
    expect(namesOf(restarted)).toEqual([]);
    expect(namesOf(history.map(({ boot: _boot, ...each }) => each))).toEqual([]);
    expect(namesOf(history.map((each, i) => ({ ...each, member: `n${i}` })))).toEqual([]);
  });
});

describe("no finding", () => {
  test.each([
    [
      "a local read that misses the own write",
      [mine(write(1, 1, 0, 1), 7), mine({ ...read(2, null, 2, 3), level: "local" }, 6)],
    ],
    ["another session's write", [write(1, 1, 0, 1), mine(inSession(read(2, null, 2, 3)), 6)]],
    [
      "an own write beyond what was asked for",
      [mine(write(1, 1, 0, 1), 7), mine(inSession(read(2, null, 2, 3), 6), 6)],
    ],
    [
      "an own write without an answer",
      [mine(unknown(write(1, 1, 0, 1))), mine(inSession(read(2, null, 2, 3)))],
    ],
    [
      "an own write that somebody replaced",
      [
        mine(write(1, 1, 0, 1), 7),
        { ...write(2, 2, 0, 5), position: { term: 1, index: 8 } },
        mine(inSession(read(3, 2, 2, 3)), 8),
      ],
    ],
    [
      "positions of two timelines",
      [mine(write(1, 1, 0, 1), 7), { ...mine(write(2, 2, 2, 3), 6), timeline: 2 }],
    ],
    [
      "operations at the same time",
      [mine(inSession(read(1, null, 0, 5)), 7), mine(inSession(read(2, null, 2, 3)), 6)],
    ],
  ] as readonly (readonly [string, readonly Operation[]])[])("%s", (_, history) => {
    expect(namesOf(history)).toEqual([]);
  });
});
