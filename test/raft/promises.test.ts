/** No message leaves that promises more than the disk holds, whoever made it ready. */
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../shared/base/assert.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { NO_FAULTS } from "../../shared/raft/faults.ts";
import { assertPromisesStored } from "../../shared/raft/invariants.ts";
import type { HardState, RaftMessage } from "../../shared/raft/types.ts";
import { CoreFixture, N1, N2, N3, at, configurationOf, entry, to } from "./core-fixture.ts";
import { assertions, follower, force } from "./core-states.ts";

const THREE = configurationOf([N1, N2, N3]);

type Promising = readonly [name: string, message: RaftMessage, stored: Partial<HardState>];

const from = { from: N1, to: N2, term: term(1) };
const ack = { type: "append-ack", incarnation: 0, accepted: true } as const;
const vote = { type: "vote-reply", incarnation: 0, preVote: false, granted: true } as const;
const request = { type: "vote-request", preVote: false, last: at(1, 3), transfer: false } as const;
const heartbeat = { type: "heartbeat", commitIndex: logIndex(0), round: 1 } as const;
const answer = { type: "heartbeat-ack", round: 1 } as const;

const PROMISES: readonly Promising[] = [
  ["no message is ahead of the stored term", { ...from, ...heartbeat, term: term(2) }, {}],
  ["only the stored incarnation is stated", { ...from, ...answer, incarnation: 1 }, {}],
  ["only what is on disk is acknowledged", { ...from, ...ack, matchIndex: logIndex(4) }, {}],
  ["only a stored vote is given", { ...from, ...vote }, {}],
  ["only a stored vote is given", { ...from, ...vote }, { votedFor: N3 }],
  [
    "a disk that vouches for nothing does not vote",
    { ...from, ...vote, incarnation: null },
    { votedFor: N2, incarnation: null },
  ],
  ["a candidate's own vote is stored", { ...from, ...request }, {}],
];

const HARMLESS: readonly RaftMessage[] = [
  { ...from, ...heartbeat },
  { ...from, ...answer, incarnation: null },
  { ...from, ...ack, matchIndex: logIndex(3) },
  { ...from, ...ack, accepted: false, rejectedIndex: logIndex(9), hint: at(1, 3) },
  { ...from, ...vote, granted: false },
  // Of a term that is over, nobody can be given a second vote any more.
  { ...from, ...vote, term: term(0) },
  { ...from, ...request, term: term(0) },
  // A pre-vote speaks of the next term and promises nothing.
  { ...from, ...vote, preVote: true, term: term(2) },
  { ...from, ...request, preVote: true, term: term(2) },
];

describe("a message that would promise too much does not leave:", () => {
  it.each(PROMISES)("%s", (name, message, stored) => {
    const { core } = follower();
    force(core, { flushedHardState: { ...core.flushedHardState, ...stored } });
    const harmless = { ...from, ...heartbeat };
    const leaving = (): void => assertPromisesStored(core, [harmless, message, harmless]);
    expect(leaving).toThrow(new InvariantError(name));
  });

  it.each(HARMLESS)("but one that keeps to what is stored does: $type, $preVote", (message) => {
    expect(() => assertPromisesStored(follower().core, [message])).not.toThrow();
  });

  it("nor does it when the core has it ready", () => {
    const core = new CoreFixture(THREE, [], 0, { ...NO_FAULTS, ackBeforePersist: true });
    const append = { type: "append", previous: at(0, 0), commitIndex: logIndex(0) } as const;
    expect(() => core.step({ ...to(0), ...append, entries: [entry(0, 1)] })).toThrow(
      new InvariantError("only what is on disk is acknowledged"),
    );
  });
});

it("no assertion is left out here", () => {
  const broken = PROMISES.map(([name]) => name);
  const { ofMessages } = assertions();
  expect([...new Set(broken)].sort()).toEqual(ofMessages.toSorted());
});
