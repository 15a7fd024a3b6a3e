/** Each promise to clients is seen to break by one planted anomaly in a small right history. */
import { describe, expect, it } from "vitest";
import { memberId } from "../../shared/base/ids.ts";
import { checkExportedHistory, exportSimHistory } from "./history-export.ts";
import { expectViolation } from "./expect-violation.ts";
import { History } from "./history.ts";
import type { FinalLists, ReadRecord, WriteRecord } from "./operations.ts";
import { Leaderships } from "./leaderships.ts";

/** One that is in step, and one that is behind. */
const [N1, N2] = [memberId("n1"), memberId("n2")];
const ELECTION_MS = 100;
const HEARTBEAT_MS = 20;
/** Far from the only election: what is forgiven after one does not matter here. */
const T = 100_000;

type Story = {
  readonly writes: readonly WriteRecord[];
  readonly reads: readonly ReadRecord[];
  readonly final: FinalLists;
};

function write(name: string, changes: Partial<WriteRecord> = {}): WriteRecord {
  const client = name.split("/")[0] ?? "";
  return {
    name,
    client,
    key: 1,
    askedAtMs: T,
    isOpen: false,
    acknowledged: null,
    ...changes,
  };
}

type Told = NonNullable<WriteRecord["acknowledged"]>;

function told(atMs: number, index: number, rank: number, changes: Partial<Told> = {}): Told {
  return { term: 1, index, rank, atMs, by: N1, boot: 1, ...changes };
}

let clientCount = 0;

/** A client's only read, local, of the first list at T + 50, as of the position and the moment it shows. */
function read(rows: readonly string[], changes: Partial<ReadRecord> = {}): ReadRecord {
  return {
    client: `reader${++clientCount}`,
    key: 1,
    level: "local",
    maxStalenessMs: 0,
    member: rows.length > 1 ? N1 : N2,
    boot: 1,
    askedAtMs: T + 50,
    answeredAtMs: T + 51,
    asOfTerm: 1,
    asOfIndex: 4 + rows.length,
    asOfMs: rows.length > 1 ? T + 45 : T + 15,
    lagMs: 0,
    ownWrites: [],
    rows,
    ...changes,
  };
}

const FIRST = write("a/1", { askedAtMs: T, acknowledged: told(T + 10, 5, 1) });
const SECOND = write("b/1", { askedAtMs: T + 20, acknowledged: told(T + 30, 6, 2) });
const REFUSED = write("a/2", { askedAtMs: T + 40 });
const ROWS = ["a/1", "b/1"];
/** Two writes one after the other, one refused, and reads at every level. */
const RIGHT: Story = {
  writes: [FIRST, SECOND, REFUSED],
  reads: [
    read(["a/1"]),
    read(["a/1"], { client: "c", level: "session" }),
    read(ROWS, { client: "c", level: "session", askedAtMs: T + 60, answeredAtMs: T + 61 }),
    read(ROWS, { level: "linearizable", ownWrites: ["b/1"] }),
    read(ROWS, { level: "linearizable", askedAtMs: T + 70, answeredAtMs: T + 71 }),
    read(ROWS, { level: "bounded", maxStalenessMs: 5 }),
  ],
  final: new Map([[1, ROWS]]),
};

function check({ writes, reads, final }: Story, secondTermAtMs?: number): void {
  const leaderships = new Leaderships({ electionMs: ELECTION_MS, heartbeatMs: HEARTBEAT_MS });
  leaderships.led(1, 0);
  if (secondTermAtMs !== undefined) leaderships.led(2, secondTermAtMs);
  const history = new History({ leaderships, electionMs: ELECTION_MS });
  history.writes.push(...writes);
  history.reads.push(...reads);
  history.check(final);
  checkExportedHistory(exportSimHistory(history, final, 1));
}

function withRead(...reads: readonly ReadRecord[]): Story {
  return { ...RIGHT, reads: [...RIGHT.reads, ...reads] };
}

function withFinal(...rows: readonly string[]): Story {
  return { ...RIGHT, final: new Map([[1, rows]]) };
}

describe("the checker of histories", () => {
  it("lets a right history pass", () => {
    expect(() => check(RIGHT)).not.toThrow();
  });

  it("notices a write that took effect twice", () => {
    expectViolation("applied-exactly-once", () => check(withFinal(...ROWS, "a/1")));
  });

  it("notices an acknowledged write that is gone", () => {
    expectViolation("acknowledged-never-lost", () => check(withFinal("a/1")));
  });

  it("notices an answer that told another place", () => {
    const wrong = { ...SECOND, acknowledged: told(T + 30, 6, 3) };
    expectViolation("answer-is-what-happened", () =>
      check({ ...RIGHT, writes: [FIRST, wrong, REFUSED] }),
    );
  });

  it("notices a refused write that is there", () => {
    expectViolation("refused-never-happens", () => check(withFinal(...ROWS, "a/2")));
  });

  it("notices a row that nobody wrote, and one in another list", () => {
    expectViolation("nothing-invented", () => check(withFinal(...ROWS, "z/1")));
    const open = write("z/1", { isOpen: true, key: 2 });
    expectViolation("nothing-invented", () =>
      check({ ...withFinal(...ROWS, "z/1"), writes: [...RIGHT.writes, open] }),
    );
  });

  it("notices rows in another order than their entries", () => {
    const wrong = { ...SECOND, acknowledged: told(T + 30, 4, 2) };
    expectViolation("log-order-is-list-order", () =>
      check({ ...RIGHT, writes: [FIRST, wrong, REFUSED] }),
    );
  });

  it("notices a write in front of one that was answered before it was asked", () => {
    const late = { ...FIRST, askedAtMs: T + 40, acknowledged: told(T + 45, 5, 1) };
    expectViolation("writes-keep-real-time-order", () =>
      check({ ...RIGHT, writes: [late, SECOND, REFUSED] }),
    );
  });

  it("notices a read of something that was not committed", () => {
    expectViolation("reads-see-only-committed", () => check(withRead(read(["a/1", "a/2"]))));
  });

  it("notices a session that misses its own write", () => {
    const wrong = read(["a/1"], { level: "session", ownWrites: ["b/1"] });
    expectViolation("reads-see-own-writes", () => check(withRead(wrong)));
  });

  it("notices a session that goes back", () => {
    expectViolation("sessions-never-go-back", () =>
      check(withRead(read(["a/1"], { client: "c", level: "session", askedAtMs: T + 80 }))),
    );
  });

  it("notices a position that names more than is shown, and less", () => {
    expectViolation("as-of-is-true", () => check(withRead(read(["a/1"], { asOfIndex: 6 }))));
    expectViolation("as-of-is-true", () => check(withRead(read(ROWS, { asOfIndex: 5 }))));
  });

  it("notices a bounded read behind its bound", () => {
    const wrong = read(["a/1"], { level: "bounded", maxStalenessMs: 5 });
    expectViolation("bounded-reads-keep-their-bound", () => check(withRead(wrong)));
  });

  it("notices a linearizable read that misses an acknowledged write", () => {
    expectViolation("linearizable-reads", () =>
      check(withRead(read(["a/1"], { level: "linearizable" }))),
    );
  });

  it("notices a linearizable read that misses what an earlier one showed", () => {
    const open = { ...SECOND, isOpen: true, acknowledged: null };
    const reads = [
      read(ROWS, { level: "linearizable" }),
      read(["a/1"], { level: "linearizable", askedAtMs: T + 60, answeredAtMs: T + 61 }),
    ];
    expectViolation("linearizable-reads", () =>
      check({ ...RIGHT, writes: [FIRST, open, REFUSED], reads }),
    );
  });

  it("has other checkers look at what it let pass: an answer at a place of the log that is taken", () => {
    const other = write("d/1", { key: 2, askedAtMs: T + 40, acknowledged: told(T + 45, 6, 1) });
    const final = new Map([...RIGHT.final, [2, ["d/1"]] as const]);
    expectViolation("other-checkers-agree", () =>
      check({ ...RIGHT, writes: [...RIGHT.writes, other], final }),
    );
  });
});

describe("the age that an answer tells", () => {
  it("may be of a moment before what is missing, and is wrong at any moment after it", () => {
    expect(() => check(withRead(read(["a/1"], { asOfMs: T + 30 })))).not.toThrow();
    expectViolation("as-of-not-too-new", () => check(withRead(read(["a/1"], { asOfMs: T + 31 }))));
    expect(() => check(withRead(read(["a/1"], { asOfMs: null })))).not.toThrow();
  });

  it("may be wrong for as long as a leader need not know that it was replaced", () => {
    const second = { ...SECOND, acknowledged: told(T + 30, 6, 2, { term: 2 }) };
    const writes = [FIRST, second, REFUSED];
    const late = read(["a/1"], { asOfMs: T + 40 });
    const story = { ...RIGHT, writes, reads: [late] };
    expect(() => check(story, T + 25)).not.toThrow();
    expectViolation("as-of-not-too-new", () => check(story, T - 5_000));
  });

  it("is wrong when it is called new and what was acknowledged seconds ago is missing", () => {
    const atMs = T + 2_000;
    const late = read(["a/1"], { askedAtMs: atMs, answeredAtMs: atMs, lagMs: 2_000 });
    expect(() => check(withRead(late))).not.toThrow();
    expectViolation("lag-is-not-too-small", () => check(withRead({ ...late, lagMs: 0 })));
    expect(() => check(withRead({ ...late, lagMs: null }))).not.toThrow();
  });

  it("is wrong when it is called new and its own moment is seconds ago, though nothing is missing", () => {
    const atMs = T + 2_000;
    const cutOff = read(ROWS, {
      askedAtMs: atMs,
      answeredAtMs: atMs,
      asOfMs: T + 45,
      lagMs: 1_955,
    });
    expect(() => check(withRead(cutOff))).not.toThrow();
    expectViolation("lag-is-not-too-small", () => check(withRead({ ...cutOff, lagMs: 0 })));
    expectViolation("lag-is-not-too-small", () => check(withRead({ ...cutOff, lagMs: 500 })));
    expect(() => check(withRead({ ...cutOff, lagMs: 0, asOfMs: atMs - 1_000 }))).not.toThrow();
  });
});
