/**
 * One core on a log in memory, for tests of a single decision. Nothing is sent to anybody: the
 * test is the other members.
 */
import { NO_BYTES } from "../../shared/base/bytes.ts";
import { type MemberId, type Position, logIndex, memberId, term } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { NO_FAULTS, type RaftFaults } from "../../shared/raft/faults.ts";
import { seatOf } from "../../shared/raft/configuration.ts";
import type { Raft } from "../../shared/raft/interface.ts";
import type {
  Configuration,
  EntryKind,
  LogEntry,
  RaftMessage,
  RaftSettings,
  ReadAnswer,
  StatedIncarnation,
} from "../../shared/raft/types.ts";
import { TestNode } from "./test-node.ts";

/** The member under test and its peers. */
export const N1 = memberId("n1");
/** A peer. */
export const N2 = memberId("n2");
/** A peer. */
export const N3 = memberId("n3");
/** Somebody no configuration names. */
export const STRANGER = memberId("stranger");

/** Timing of every fixture: elections after 1000 to 2000 ms. */
export const SETTINGS: RaftSettings = {
  heartbeatMs: 100,
  electionMs: 1000,
  appendBytesMax: 64,
  inflightBytesMax: 128,
  uncommittedBytesMax: 256,
};

/** A configuration of voters, then mirrors. */
export function configurationOf(
  voters: readonly MemberId[],
  mirrors: readonly MemberId[] = [],
): Configuration {
  const seat = (kind: "voter" | "mirror") => (id: MemberId) =>
    ({ id, kind, incarnation: 0, context: NO_BYTES }) as const;
  return { seats: [...voters.map(seat("voter")), ...mirrors.map(seat("mirror"))] };
}

/** `at(7, 12)` is 7:12. */
export function at(inTerm: number, index: number): Position {
  return { term: term(inTerm), index: logIndex(index) };
}

/** An entry of the given size. */
export function entry(inTerm: number, index: number, sizeBytes = 8): LogEntry {
  const kind: EntryKind = "data";
  return { ...at(inTerm, index), kind, payload: new Uint8Array(sizeBytes) };
}

/** One core with its disk; what it sends is kept. */
export class CoreFixture {
  readonly node: TestNode;
  readonly reads: ReadAnswer[] = [];
  /** Whom an image was asked for, each time. */
  readonly snapshotsFor: MemberId[] = [];
  nowMs = 0;
  #sent: RaftMessage[] = [];

  /** @param terms The term of each entry already on disk. @param inTerm Default: the last's. */
  constructor(
    configuration: Configuration,
    terms: readonly number[] = [],
    inTerm?: number,
    faults: RaftFaults = NO_FAULTS,
  ) {
    this.node = new TestNode({
      id: N1,
      settings: SETTINGS,
      configuration,
      rng: seededRng(1),
      faults,
      outlet: {
        send: (message) => this.#sent.push(message),
        committed: () => undefined,
        answered: (_node, answer) => this.reads.push(answer),
        snapshotFor: (_node, member) => this.snapshotsFor.push(member),
      },
    });
    this.node.disk.entries = terms.map((each, i) => entry(each, i + 1));
    const startTerm = term(inTerm ?? terms.at(-1) ?? 0);
    this.node.disk.hardState = {
      term: startTerm,
      votedFor: null,
      incarnation: seatOf(configuration, N1)?.incarnation ?? null,
    };
    this.node.start(0);
  }

  run<T>(action: (raft: Raft) => T): T {
    return this.node.run(action);
  }

  step(message: RaftMessage): void {
    this.run((raft) => raft.step(message));
  }

  /** Time goes on in small steps. */
  wait(durationMs: number): void {
    for (const endMs = this.nowMs + durationMs; this.nowMs < endMs;) {
      this.nowMs += 50;
      this.run((raft) => raft.advance(this.nowMs));
    }
  }

  /** What was sent since the last call. */
  sent(): readonly RaftMessage[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  /** Of one type only. */
  sentOf<K extends RaftMessage["type"]>(type: K): readonly Extract<RaftMessage, { type: K }>[] {
    return this.sent().filter(
      (message): message is Extract<RaftMessage, { type: K }> => message.type === type,
    );
  }

  /** Lets it win an election with the vote of n2, and stores what that brought. */
  lead(): void {
    this.wait(2000);
    const asked = term(this.node.status.term + 1);
    this.step({ ...to(asked), type: "vote-reply", incarnation: 0, preVote: true, granted: true });
    this.node.finishPersist();
    this.step({ ...to(asked), type: "vote-reply", incarnation: 0, preVote: false, granted: true });
    this.node.finishPersist();
    this.sent();
  }
}

/** The envelope of a message to the member under test. */
export function to(
  inTerm: number,
  from: MemberId = N2,
): { from: MemberId; to: MemberId; term: Position["term"] } {
  return { from, to: N1, term: term(inTerm) };
}

/** A member acknowledges everything up to an index. */
export function acknowledge(
  core: CoreFixture,
  matchIndex: number,
  options: { readonly from?: MemberId; readonly incarnation?: StatedIncarnation } = {},
): void {
  core.step({
    ...to(core.node.status.term, options.from ?? N2),
    type: "append-ack",
    incarnation: options.incarnation ?? 0,
    accepted: true,
    matchIndex: logIndex(matchIndex),
  });
}
