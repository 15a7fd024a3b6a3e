/**
 * Well-formed nonsense from members: a broken or wicked one says anything at any time, and a healthy one must neither
 * throw nor break its own rules (its assertions hold after each call).
 */
import { describe, expect, it } from "vitest";
import { logIndex, term } from "../../shared/base/ids.ts";
import type { MemberId, Position } from "../../shared/base/ids.ts";
import { randomBetween, randomChance, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { encodeConfiguration } from "../../shared/raft/configuration.ts";
import type { LogEntry, RaftMessage } from "../../shared/raft/types.ts";
import {
  CoreFixture,
  N1,
  N2,
  N3,
  STRANGER,
  acknowledge,
  at,
  configurationOf,
  entry,
  to,
} from "./core-fixture.ts";

const THREE = configurationOf([N1, N2, N3]);
const SEEDS = 4_000;
const STEPS = 12;

describe("an impossible message is told and changes nothing", () => {
  it("a refusal beyond the end of the log, or that hints behind itself", () => {
    for (const [rejected, hint] of [
      [1_000, 1],
      [1, 900],
    ] as const) {
      const core = new CoreFixture(THREE);
      core.lead();
      acknowledge(core, 1);
      const envelope = {
        ...to(core.node.status.term),
        type: "append-ack",
        incarnation: 0,
      } as const;
      const rejectedIndex = logIndex(rejected);
      core.step({ ...envelope, accepted: false, rejectedIndex, hint: at(1, hint) });
      expect(core.node.status.alarm?.code).toBe("impossible-message");
      expect(core.node.status.role).toBe("leader");
    }
  });

  it("a snapshot of a later term than its leader's", () => {
    const core = new CoreFixture(THREE, [1], 1);
    core.run((raft) => raft.receiveSnapshot({ position: at(9, 5), configuration: THREE }, N2, 2));
    expect(core.node.status).toMatchObject({ alarm: { code: "impossible-message" }, term: 1 });
  });

  it("a term at the end of all numbers", () => {
    const core = new CoreFixture(THREE, [1], 1);
    const end = to(Number.MAX_SAFE_INTEGER);
    core.step({ ...end, type: "heartbeat", commitIndex: logIndex(0), round: 1 });
    expect(core.node.status).toMatchObject({ alarm: { code: "impossible-message" }, term: 1 });
    core.wait(5_000);
    expect(core.node.status.term).toBeLessThan(100);
  });
});

it(`${SEEDS} members survive ${STEPS} pieces of nonsense each`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const rng = seededRng(seed);
    const core = new CoreFixture(THREE, [1, 1, 2].slice(0, randomBetween(rng, 0, 3)));
    if (randomChance(rng, 0.5)) core.lead();
    const said: unknown[] = [];
    try {
      for (let i = 0; i < STEPS; i++) said.push(sayAnything(core, rng));
    } catch (cause) {
      const bytesShort = (_: string, each: unknown): unknown =>
        each instanceof Uint8Array ? `${each.length} bytes` : each;
      throw new Error(`seed ${seed}: ${JSON.stringify(said.slice(-4), bytesShort)}`, { cause });
    }
  }
});

/** Mostly small numbers, which meet what is there; now and then a large one. */
function someIndex(rng: Rng): number {
  return randomChance(rng, 0.1) ? randomBetween(rng, 1_000, 1_005) : randomBetween(rng, 0, 8);
}

function somePosition(rng: Rng): Position {
  return at(someIndex(rng), someIndex(rng));
}

function sayAnything(core: CoreFixture, rng: Rng): unknown {
  const from = randomPick(rng, [N2, N3, STRANGER]);
  const atTerm = Math.max(0, core.node.status.term + randomBetween(rng, -1, 2));
  switch (randomBetween(rng, 0, 9)) {
    case 0: {
      const mark = { position: somePosition(rng), configuration: THREE };
      core.run((raft) => raft.receiveSnapshot(mark, from, atTerm));
      return { mark, from, atTerm };
    }
    case 1:
      if (core.node.pending !== null) core.node.finishPersist();
      return "stored";
    case 2:
      core.wait(randomPick(rng, [50, 300, 1_500]));
      return "waited";
    case 3:
      return actAsOwner(core, rng, from);
    default: {
      const message = someMessage(core, rng, { ...to(atTerm, from) });
      core.step(message);
      return message;
    }
  }
}

function actAsOwner(core: CoreFixture, rng: Rng, from: MemberId): string {
  switch (randomBetween(rng, 0, 4)) {
    case 0:
      core.run((raft) => raft.propose([new Uint8Array(randomBetween(rng, 0, 80))]));
      return "proposed";
    case 1:
      core.run((raft) =>
        raft.changeConfiguration(
          randomPick(rng, [
            { type: "demote", id: N3 },
            { type: "remove", id: N2 },
            { type: "remove", id: N1 },
            { type: "reseat", id: N3 },
          ] as const),
        ),
      );
      return "changed";
    case 2:
      core.run((raft) => raft.transferLeadership(N2));
      return "handed over";
    case 3:
      core.run((raft) => raft.connectionLost(from));
      return "lost a connection";
    default:
      core.run((raft) => raft.readIndex(randomBetween(rng, 0, 5)));
      return "asked";
  }
}

type Envelope = ReturnType<typeof to>;

function someMessage(core: CoreFixture, rng: Rng, envelope: Envelope): RaftMessage {
  const incarnation = randomPick(rng, [0, 0, 0, 3, null, "unstated"] as const);
  const isYes = randomChance(rng, 0.5);
  const requestId = randomBetween(rng, 0, 5);
  switch (randomBetween(rng, 0, 8)) {
    case 0: {
      const isNext = randomChance(rng, 0.5);
      const last = core.node.status.lastIndex;
      const previous = isNext ? at(someIndex(rng), last) : somePosition(rng);
      const entries = someEntries(rng, previous);
      const commitIndex = logIndex(someIndex(rng));
      return { ...envelope, type: "append", previous, entries, commitIndex };
    }
    case 1: {
      const matchIndex = logIndex(someIndex(rng));
      return { ...envelope, type: "append-ack", incarnation, accepted: true, matchIndex };
    }
    case 2: {
      const refusal = { rejectedIndex: logIndex(someIndex(rng)), hint: somePosition(rng) };
      return { ...envelope, type: "append-ack", incarnation, accepted: false, ...refusal };
    }
    case 3: {
      const commitIndex = logIndex(someIndex(rng));
      return { ...envelope, type: "heartbeat", commitIndex, round: randomBetween(rng, 0, 3) };
    }
    case 4:
      return { ...envelope, type: "heartbeat-ack", incarnation, round: someIndex(rng) };
    case 5: {
      const last = somePosition(rng);
      return {
        ...envelope,
        type: "vote-request",
        preVote: isYes,
        last,
        transfer: randomChance(rng, 0.5),
      };
    }
    case 6: {
      const granted = randomChance(rng, 0.5);
      return { ...envelope, type: "vote-reply", incarnation, preVote: isYes, granted };
    }
    case 7:
      return isYes
        ? { ...envelope, type: "timeout-now" }
        : { ...envelope, type: "read-index", requestId };
    default: {
      const index = logIndex(someIndex(rng));
      return { ...envelope, type: "read-index-reply", requestId, index };
    }
  }
}

function someEntries(rng: Rng, previous: Position): LogEntry[] {
  let atTerm: number = previous.term;
  return Array.from({ length: randomBetween(rng, 0, 2) }, (_, i) => {
    atTerm += randomBetween(rng, 0, 1);
    const plain = entry(term(atTerm), previous.index + 1 + i);
    if (randomChance(rng, 0.8)) return plain;
    const payload = encodeConfiguration(
      configurationOf([N2, N3], randomChance(rng, 0.5) ? [N1] : []),
    );
    return { ...plain, kind: "configuration" as const, payload };
  });
}
