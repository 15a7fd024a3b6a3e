/** Each promise of the consensus cores is seen to break by one planted anomaly, and only by it. */
import { describe, expect, it } from "vitest";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { RaftRole, RaftStatus } from "../../shared/raft/types.ts";
import { expectViolation } from "./expect-violation.ts";
import { seatOf } from "./founding.ts";
import { RaftChecker } from "./raft-checker.ts";
import type { LogUnderTest } from "./raft-checker.ts";

const [N1, N2, N3] = [memberId("n1"), memberId("n2"), memberId("n3")];
const SEATS = [N1, N2, N3].map((id) => seatOf(id, "voter"));

type Shown = {
  readonly id: MemberId;
  readonly role?: RaftRole;
  readonly inTerm: number;
  readonly commit: number;
  /** Terms of the entries on its disk, from index 1 on. */
  readonly log: readonly number[];
};

type Step = readonly [process: object, shown: Shown];

function statusOf({ id, role, inTerm, commit, log }: Shown): RaftStatus {
  return {
    id,
    role: role ?? "follower",
    term: term(inTerm),
    commitIndex: logIndex(commit),
    lastIndex: logIndex(log.length),
    flushedIndex: logIndex(log.length),
    configuration: { seats: SEATS },
    incarnation: 0,
  } as unknown as RaftStatus;
}

function logOf({ log }: Shown): LogUnderTest {
  return {
    firstIndex: logIndex(1),
    lastIndex: logIndex(log.length),
    termAt: (index) => (log[index - 1] === undefined ? null : term(log[index - 1] ?? 0)),
    chainHashAt: (index) => Uint8Array.from(log.slice(0, index)),
    configurationAt: () => null,
  };
}

/** Who votes for whom: the three for n1 in term 1, n2 and n3 for n2 in term 2. */
function votersFor(candidate: MemberId, inTerm: number): readonly MemberId[] {
  if (inTerm === 1 && candidate === N1) return [N1, N2, N3];
  return inTerm === 2 && candidate === N2 ? [N2, N3] : [];
}

function observe(steps: readonly Step[]): RaftChecker {
  const checker = new RaftChecker(votersFor, () => true);
  for (const [process, shown] of steps) checker.observe(process, statusOf(shown), logOf(shown));
  return checker;
}

const [P1, P2, P3] = [{}, {}, {}];
/** n1 is elected and commits an entry of its own; then it is gone, and n2 takes over. */
const HISTORY: readonly Step[] = [
  [P2, { id: N2, inTerm: 1, commit: 0, log: [] }],
  [P1, { id: N1, role: "leader", inTerm: 1, commit: 0, log: [1] }],
  [P2, { id: N2, inTerm: 1, commit: 0, log: [1] }],
  [P1, { id: N1, role: "leader", inTerm: 1, commit: 1, log: [1] }],
  [P2, { id: N2, inTerm: 1, commit: 1, log: [1] }],
  [P2, { id: N2, role: "leader", inTerm: 2, commit: 1, log: [1, 2] }],
  [P3, { id: N3, inTerm: 2, commit: 1, log: [1, 2] }],
  [P2, { id: N2, role: "leader", inTerm: 2, commit: 2, log: [1, 2] }],
];

describe("the checker of consensus cores", () => {
  it("lets an election, two commits and a change of leader pass", () => {
    const checker = observe(HISTORY);
    expect(checker.electionCount).toBe(2);
    expect(checker.committedIndex).toBe(2);
  });

  it("notices a term that falls, but for another start", () => {
    const anomaly: Shown = { id: N3, inTerm: 1, commit: 1, log: [1, 2] };
    expectViolation("term-never-falls", () => observe([...HISTORY, [P3, anomaly]]));
    expect(() => observe([...HISTORY, [{}, anomaly]])).not.toThrow();
  });

  it("notices a commit that falls", () => {
    expectViolation("commit-never-falls", () =>
      observe([...HISTORY, [P3, { id: N3, inTerm: 2, commit: 0, log: [1, 2] }]]),
    );
  });

  it("notices a second leader of a term", () => {
    expectViolation("one-leader-per-term", () =>
      observe([...HISTORY, [P3, { id: N3, role: "leader", inTerm: 2, commit: 1, log: [1, 2] }]]),
    );
  });

  it("notices a leader that a minority voted for", () => {
    expectViolation("elected-by-a-majority-of-voters", () =>
      observe([...HISTORY, [P3, { id: N3, role: "leader", inTerm: 3, commit: 1, log: [1, 2, 3] }]]),
    );
  });

  it("notices a commit of an entry of an earlier term", () => {
    const [, second] = HISTORY;
    const elected: Step = [P2, { id: N2, role: "leader", inTerm: 2, commit: 0, log: [1] }];
    const before: readonly Step[] = [...(second === undefined ? [] : [second]), elected];
    expect(() => observe(before)).not.toThrow();
    expectViolation("commits-by-counting-its-own-term", () =>
      observe([...before, [P2, { id: N2, role: "leader", inTerm: 2, commit: 1, log: [1] }]]),
    );
  });

  it("notices a commit that one disk has", () => {
    const log = [1, 2, 2];
    expectViolation("committed-is-on-a-majority-of-disks", () =>
      observe([...HISTORY, [P2, { id: N2, role: "leader", inTerm: 2, commit: 3, log }]]),
    );
  });

  it("notices another entry where one was committed", () => {
    expectViolation("committed-never-changes", () =>
      observe([...HISTORY, [P1, { id: N1, inTerm: 2, commit: 2, log: [1, 1] }]]),
    );
  });

  it("notices a new leader without what was committed", () => {
    const steps: readonly Step[] = [
      ...HISTORY.slice(0, 4),
      [P2, { id: N2, role: "leader", inTerm: 2, commit: 0, log: [] }],
    ];
    expectViolation("leader-holds-all-committed", () => observe(steps));
  });
});
