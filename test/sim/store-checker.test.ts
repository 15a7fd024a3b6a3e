/** Each promise of the databases is seen to break by one planted anomaly. */
import { describe, expect, it } from "vitest";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { Position } from "../../shared/base/ids.ts";
import type { ApplyOutcome, CommittedEntry } from "../../electron/store-worker/messages.ts";
import { expectViolation } from "./expect-violation.ts";
import { StoreChecker } from "./store-checker.ts";

const A = { id: memberId("n1") };
const B = { id: memberId("n2") };

function at(index: number): Position {
  return { term: term(1), index: logIndex(index) };
}

function entry(index: number, text = `entry ${index}`): CommittedEntry {
  return { ...at(index), payload: new TextEncoder().encode(text) };
}

function standsAt(index: number, checksum = `sum ${index}`): ApplyOutcome {
  const position = { applied: at(index), checksum };
  return {
    type: "applied",
    position,
    tables: [],
    rowCount: 1,
    isSchemaChange: false,
    isSettingsChange: false,
  };
}

/** Two members have applied the same three entries, one of them from a snapshot on. */
function checkerOfTwo(): StoreChecker {
  const checker = new StoreChecker();
  checker.applied(A, [entry(1), entry(2)], standsAt(2));
  checker.applied(A, [entry(3)], standsAt(3));
  checker.loaded(B, { applied: at(2), checksum: "sum 2" });
  checker.applied(B, [entry(3)], standsAt(3));
  return checker;
}

describe("the checker of databases", () => {
  it("lets two members pass that apply the same", () => {
    expect(checkerOfTwo().appliedCount).toBe(4);
  });

  it("notices an entry that is left out, one that comes twice, and a wrong place after a batch", () => {
    const checker = checkerOfTwo();
    expectViolation("applied-once-in-order", () => checker.applied(A, [entry(5)], standsAt(5)));
    expectViolation("applied-once-in-order", () => checker.applied(A, [entry(3)], standsAt(3)));
    expectViolation("applied-once-in-order", () => checker.applied(A, [entry(4)], standsAt(5)));
  });

  it("notices another entry at an index, by its content and by its term", () => {
    const checker = checkerOfTwo();
    checker.applied(A, [entry(4)], standsAt(4));
    expectViolation("same-entries-everywhere", () =>
      checker.applied(B, [entry(4, "another")], standsAt(4)),
    );
    expectViolation("same-entries-everywhere", () =>
      checker.applied(B, [{ ...entry(4), term: term(2) }], standsAt(4)),
    );
  });

  it("notices another checksum after the same entry, and in a snapshot", () => {
    const checker = checkerOfTwo();
    checker.applied(A, [entry(4)], standsAt(4));
    expectViolation("same-index-same-checksum", () =>
      checker.applied(B, [entry(4)], standsAt(4, "another")),
    );
    expectViolation("same-index-same-checksum", () =>
      checker.loaded({ id: B.id }, { applied: at(3), checksum: "another" }),
    );
  });

  it("notices a batch that does not fit", () => {
    const outcome = { type: "diverged", index: logIndex(4), detail: "another row" } as const;
    expectViolation("never-diverges", () => checkerOfTwo().applied(A, [entry(4)], outcome));
  });
});
