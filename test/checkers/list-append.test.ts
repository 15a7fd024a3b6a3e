import { describe, expect, test } from "vitest";
import { Findings } from "../support/checkers/findings.ts";
import type { Operation, TransactionOperation } from "../support/checkers/history.ts";
import { checkListAppend } from "../support/checkers/list-append.ts";
import { append, reads, txn } from "./list-lines.ts";
import { unknown } from "./register-lines.ts";

/** All transactions run at the same time unless a test says otherwise. */
const TOGETHER = [0, 100] as const;

function findingsOf(history: readonly Operation[]): Findings {
  const findings = new Findings();
  checkListAppend(history, 0, findings);
  return findings;
}

function namesOf(history: readonly Operation[]): readonly string[] {
  return [...findingsOf(history).counts.keys()];
}

function local(transaction: TransactionOperation): TransactionOperation {
  return { ...transaction, level: "local" };
}

describe("what lists show by themselves", () => {
  test.each([
    [
      "a refused append that a read shows",
      [{ ...txn(1, TOGETHER, append("a", 1)), outcome: "fail" }, txn(2, TOGETHER, reads("a", 1))],
      "G1a",
    ],
    [
      "a refused append in the middle of a list",
      [
        txn(1, TOGETHER, append("a", 1)),
        { ...txn(2, TOGETHER, append("a", 2), append("b", 1)), outcome: "fail" },
        txn(3, TOGETHER, append("a", 3)),
        txn(4, TOGETHER, reads("a", 1, 2, 3)),
      ],
      "G1a",
    ],
    [
      "a read between two appends of one transaction",
      [txn(1, TOGETHER, append("a", 1), append("a", 2)), local(txn(2, TOGETHER, reads("a", 1)))],
      "G1b",
    ],
    [
      "a read in the middle of a transaction that appends to it again later",
      [
        txn(1, TOGETHER, append("a", 1), append("b", 1), append("a", 2)),
        txn(2, TOGETHER, reads("a", 1)),
        txn(3, TOGETHER, reads("a", 1, 2)),
      ],
      "G1b",
    ],
    [
      "an acknowledged append that is in no later read",
      [txn(1, [0, 1], append("a", 1)), txn(2, [2, 3], reads("a"))],
      "lost-append",
    ],
    [
      "an acknowledged append of many that is gone",
      [
        txn(1, [0, 1], append("a", 1)),
        txn(2, [2, 3], append("a", 2)),
        txn(3, [4, 5], append("a", 3)),
        txn(4, [6, 7], reads("a", 1, 3)),
      ],
      "lost-append",
    ],
    [
      "the second of two appends of one transaction without the first",
      [txn(1, TOGETHER, append("a", 1), append("a", 2)), txn(2, TOGETHER, reads("a", 2))],
      "torn-transaction",
    ],
    [
      "an append of another between two of one transaction",
      [
        unknown(txn(1, TOGETHER, append("a", 1), append("a", 2))),
        txn(2, TOGETHER, append("a", 3)),
        txn(3, TOGETHER, reads("a", 1, 3, 2)),
      ],
      "torn-transaction",
    ],
    [
      "an element that is there twice",
      [txn(1, TOGETHER, append("a", 1)), txn(2, TOGETHER, reads("a", 1, 1))],
      "duplicate-append",
    ],
    [
      "an element that comes back later",
      [
        txn(1, [0, 1], append("a", 1)),
        txn(2, [0, 1], append("a", 2)),
        txn(3, [2, 3], reads("a", 1, 2, 1)),
      ],
      "duplicate-append",
    ],
    [
      "two reads that show two orders",
      [
        txn(1, TOGETHER, append("a", 1)),
        txn(2, TOGETHER, append("a", 2)),
        txn(3, TOGETHER, reads("a", 1, 2)),
        txn(4, TOGETHER, reads("a", 2, 1)),
      ],
      "incompatible-order",
    ],
    [
      "a read that leaves out one of the middle",
      [
        txn(1, TOGETHER, append("a", 1), append("a", 2), append("a", 3)),
        txn(2, TOGETHER, reads("a", 1, 2, 3)),
        local(txn(3, TOGETHER, reads("a", 1, 3))),
      ],
      "incompatible-order",
    ],
    ["an element that nobody appended", [txn(1, TOGETHER, reads("a", 7))], "invented-value"],
    [
      "an element of another list",
      [txn(1, TOGETHER, append("b", 7)), txn(2, TOGETHER, reads("a", 7))],
      "invented-value",
    ],
    [
      "a transaction that does not see its own append",
      [txn(1, TOGETHER, append("a", 1), reads("a"))],
      "internal",
    ],
    [
      "a transaction that sees its own append before it made it",
      [txn(1, TOGETHER, reads("a", 1), append("a", 1))],
      "internal",
    ],
    [
      "a transaction that sees others come in between",
      [txn(1, TOGETHER, append("a", 1)), txn(2, TOGETHER, reads("a"), reads("a", 1))],
      "internal",
    ],
    [
      "a read that misses what was acknowledged before",
      [txn(1, [0, 1], append("a", 1)), txn(2, [2, 3], reads("a")), txn(3, [4, 5], reads("a", 1))],
      "stale-read",
    ],
    [
      "a read that misses what an earlier one showed of an unanswered write",
      [
        unknown(txn(1, [0, 1], append("a", 1))),
        txn(2, [2, 3], reads("a", 1)),
        txn(3, [4, 5], reads("a")),
      ],
      "stale-read",
    ],
    [
      "a value that clients appended twice",
      [txn(1, TOGETHER, append("a", 1)), txn(2, TOGETHER, append("a", 1))],
      "history-broken",
    ],
  ] as readonly (readonly [string, readonly TransactionOperation[], string])[])(
    "%s",
    (_, history, name) => {
      expect(namesOf(history)).toContain(name);
    },
  );
});

describe("cycles, each the only finding", () => {
  test("G0: two transactions overwrote each other in two lists", () => {
    const history = [
      txn(1, TOGETHER, append("a", 1), append("b", 1)),
      txn(2, TOGETHER, append("a", 2), append("b", 2)),
      txn(3, TOGETHER, reads("a", 1, 2)),
      txn(4, TOGETHER, reads("b", 2, 1)),
    ];
    const { anomalies } = findingsOf(history);
    expect(anomalies.map((each) => each.name)).toEqual(["G0"]);
    expect(anomalies[0]?.operations.toSorted()).toEqual([1, 2]);
    expect(anomalies[0]?.detail).toContain("#1 before #2: appended to a just after it (2) [ww]");
  });

  test("G0 of three transactions in three lists", () => {
    const history = [
      txn(1, TOGETHER, append("a", 1), append("c", 2)),
      txn(2, TOGETHER, append("a", 2), append("b", 1)),
      txn(3, TOGETHER, append("b", 2), append("c", 1)),
      txn(4, TOGETHER, reads("a", 1, 2)),
      txn(5, TOGETHER, reads("b", 1, 2)),
      txn(6, TOGETHER, reads("c", 1, 2)),
    ];
    const { anomalies } = findingsOf(history);
    expect(anomalies.map((each) => each.name)).toEqual(["G0"]);
    expect(anomalies[0]?.operations).toHaveLength(3);
  });

  test("G1c: two transactions each read what the other appended", () => {
    const history = [
      txn(1, TOGETHER, append("a", 1), reads("b", 1)),
      txn(2, TOGETHER, append("b", 1), reads("a", 1)),
    ];
    expect(namesOf(history)).toEqual(["G1c"]);
  });

  test("G1c: one read of the other, which wrote before it", () => {
    const history = [
      txn(1, TOGETHER, append("a", 1), reads("b", 1)),
      txn(2, TOGETHER, append("a", 2), append("b", 1)),
      txn(3, TOGETHER, reads("a", 2, 1)),
      txn(4, TOGETHER, append("a", 3), reads("b", 1), append("c", 1)),
      txn(5, TOGETHER, reads("a", 2, 1, 3), append("c", 2)),
      txn(6, TOGETHER, reads("c", 2, 1)),
    ];
    expect(namesOf(history)).toEqual(["G1c"]);
  });

  test("G-single: a read that saw half of another transaction", () => {
    const history = [
      txn(1, TOGETHER, append("a", 1), append("b", 1)),
      local(txn(2, TOGETHER, reads("a", 1), reads("b"))),
      txn(3, TOGETHER, reads("b", 1)),
    ];
    expect(namesOf(history)).toEqual(["G-single"]);
  });

  test("G-single: an update that was lost", () => {
    const history = [
      txn(1, TOGETHER, reads("a"), append("a", 1)),
      txn(2, TOGETHER, reads("a"), append("a", 2)),
      txn(3, TOGETHER, reads("a", 1, 2)),
    ];
    expect(namesOf(history)).toEqual(["G-single"]);
  });

  test("G-single: of an unanswered transaction one half took effect", () => {
    const history = [
      unknown(txn(1, TOGETHER, append("a", 1), append("b", 1))),
      txn(2, TOGETHER, reads("b", 1), reads("a")),
    ];
    expect(namesOf(history)).toEqual(["G-single"]);
  });

  test("G2-item: two transactions that did not see each other (write skew)", () => {
    const history = [
      txn(1, TOGETHER, reads("a"), append("b", 1)),
      txn(2, TOGETHER, reads("b"), append("a", 1)),
      txn(3, TOGETHER, reads("a", 1), reads("b", 1)),
    ];
    expect(namesOf(history)).toEqual(["G2-item"]);
  });

  test("G2-item: two readers that saw two writes in two orders (long fork)", () => {
    const history = [
      txn(1, TOGETHER, append("a", 1)),
      txn(2, TOGETHER, append("b", 1)),
      local(txn(3, TOGETHER, reads("a", 1), reads("b"))),
      local(txn(4, TOGETHER, reads("a"), reads("b", 1))),
    ];
    expect(namesOf(history)).toEqual(["G2-item"]);
  });

  test("against real time: two writes stand in the other order than they were answered in", () => {
    const history = [
      txn(1, [0, 1], append("a", 1)),
      txn(2, [2, 3], append("a", 2)),
      txn(3, [4, 5], reads("a", 2, 1)),
    ];
    expect(namesOf(history)).toEqual(["G0-realtime"]);
  });

  test("against real time: a read between that missed an answered write to another list", () => {
    const history = [
      txn(1, [0, 1], append("a", 1)),
      txn(2, [2, 3], append("b", 1), reads("a")),
      txn(3, [4, 5], reads("a", 1)),
    ];
    expect(namesOf(history)).toEqual(["stale-read", "G-single-realtime"]);
  });

  test("against a session: it did not see what it had appended itself", () => {
    const mine = { process: "me", session: "mine" };
    const history = [
      { ...txn(1, [0, 1], append("a", 1)), ...mine },
      { ...txn(2, [2, 3], reads("a")), ...mine, level: "session" as const },
      txn(3, [2, 5], reads("a", 1)),
    ];
    expect(namesOf(history)).toEqual(["G-single-session"]);
  });

  test("against a session: it went back between two reads", () => {
    const mine = { process: "me", level: "session" as const };
    const history = [
      txn(1, [0, 9], append("a", 1)),
      { ...txn(2, [2, 3], reads("a", 1)), ...mine },
      { ...txn(3, [4, 5], reads("a")), ...mine },
    ];
    expect(namesOf(history)).toEqual(["G-single-session"]);
  });
});

describe("no finding", () => {
  test("a stale local read, and a session read that asked for no more", () => {
    const history = [
      { ...txn(1, [0, 1], append("a", 1)), process: "me", position: { term: 1, index: 5 } },
      { ...local(txn(2, [2, 3], reads("a"))), process: "me" },
      { ...txn(3, [4, 5], reads("a")), process: "me", level: "session" as const, afterIndex: 4 },
      txn(4, [6, 7], reads("a", 1)),
    ];
    expect(namesOf(history)).toEqual([]);
  });

  test("an unanswered append that took effect, and one that never did", () => {
    const history = [
      unknown(txn(1, [0, 1], append("a", 1))),
      unknown(txn(2, [0, 1], append("a", 2))),
      txn(3, [2, 3], reads("a")),
      txn(4, [4, 5], reads("a", 2)),
    ];
    expect(namesOf(history)).toEqual([]);
  });

  test("an append with an ack of one disk that is gone", () => {
    const history = [
      { ...txn(1, [0, 1], append("a", 1)), ack: "flushed" as const },
      txn(2, [2, 3], reads("a")),
    ];
    expect(namesOf(history)).toEqual([]);
  });
});
