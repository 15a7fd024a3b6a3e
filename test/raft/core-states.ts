/**
 * A bare core in each of its roles, for tests that look into it or break it on purpose. What a
 * member does by itself is tested from outside, with `CoreFixture`.
 */
import { readFileSync } from "node:fs";
import { assert } from "../../shared/base/assert.ts";
import { POSITION_ZERO, logIndex, term } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { campaign, startElection } from "../../shared/raft/election.ts";
import { NO_FAULTS } from "../../shared/raft/faults.ts";
import { handleAppend } from "../../shared/raft/following.ts";
import { type Watermark, assertInvariants, watermarkOf } from "../../shared/raft/invariants.ts";
import type { MemberProgress } from "../../shared/raft/progress.ts";
import { proposeData } from "../../shared/raft/proposing.ts";
import { handleAppendAck } from "../../shared/raft/replication.ts";
import { becomeLeader } from "../../shared/raft/roles.ts";
import { Core, type Leadership } from "../../shared/raft/state.ts";
import { batchStored, takeReady } from "../../shared/raft/take-ready.ts";
import type { Configuration } from "../../shared/raft/types.ts";
import { N1, N2, N3, SETTINGS, at, configurationOf, entry, to } from "./core-fixture.ts";
import { MemoryDisk } from "./memory-disk.ts";

/** A core, and what the call before left. */
export type Watched = { readonly core: Core; readonly mark: Watermark };

/** A leader, with its progress of n2. */
export type WatchedLeader = Watched & {
  readonly role: Leadership;
  readonly progress: MemberProgress;
};

/** Sets what no rule of the core would set: readonly fields, and values that are computed. */
export function force<T extends object>(target: T, values: { [K in keyof T]?: unknown }): void {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  }
}

/** Follows n2 in term 1: three entries on disk and compared, two committed and handed out. */
export function follower(): Watched {
  const { core } = coreOf(configurationOf([N1, N2, N3]), [1, 1, 1]);
  const commitIndex = logIndex(2);
  handleAppend(core, { ...to(1), type: "append", previous: at(1, 3), entries: [], commitIndex });
  takeReady(core);
  return watched(core);
}

/** Asks for pre-votes: nothing of term 1 is committed. */
export function preCandidate(): Watched {
  const { core } = coreOf(configurationOf([N1, N2, N3]), [1]);
  startElection(core);
  return watched(core);
}

/** Asks for votes in term 2. */
export function candidate(): Watched {
  const { core } = coreOf(configurationOf([N1, N2, N3]), [1]);
  campaign(core, { isTransfer: false });
  return watched(core);
}

/** Has just begun to lead term 2 with two entries of term 1; n2 holds these, nothing is committed. */
export function newLeader(): WatchedLeader {
  return watchedLeader(elected(configurationOf([N1, N2, N3])).core);
}

/** Leads term 2: three entries are committed, a fourth is on its own disk and on its way to n2. */
export function leader(configuration = configurationOf([N1, N2, N3])): WatchedLeader {
  const stored = elected(configuration);
  const { core } = stored;
  acknowledged(core, 3);
  proposeData(core, [new Uint8Array(8)]);
  store(stored);
  return watchedLeader(core);
}

/** What `invariants.ts` asserts, by name: of a core's state, and of messages that leave. */
export function assertions(): {
  readonly ofState: readonly string[];
  readonly ofMessages: readonly string[];
} {
  const source = readFileSync(new URL("../../shared/raft/invariants.ts", import.meta.url), "utf8");
  const start = source.indexOf("function assertPromisesStored");
  const end = source.indexOf("function assertNothingWentBack");
  assert(start > 0 && end > start, "both functions are where they were");
  const ofMessages = namesIn(source.slice(start, end));
  return { ofMessages, ofState: namesIn(source.slice(0, start) + source.slice(end)) };
}

function namesIn(source: string): readonly string[] {
  const names = [...source.matchAll(/\bassert\([^;]*?"([^"]+)"\);/g)].map(([, name = ""]) => name);
  assert(names.length === source.split(/\bassert\(/).length - 1, "each assertion has a name");
  return names;
}

type Stored = { readonly core: Core; readonly disk: MemoryDisk };

function coreOf(configuration: Configuration, terms: readonly number[]): Stored {
  const disk = new MemoryDisk(N1, configuration);
  disk.entries = terms.map((each, i) => entry(each, i + 1));
  const none = logIndex(0);
  const options = {
    ...{ id: N1, settings: SETTINGS, rng: seededRng(1), log: disk, nowMs: 0, configuration },
    ...{ hardState: { term: term(1), votedFor: null, incarnation: 0 } },
    ...{ configurationPosition: POSITION_ZERO, commitIndex: none, appliedIndex: none },
  };
  return { core: new Core(options, NO_FAULTS), disk };
}

function elected(configuration: Configuration): Stored {
  const stored = coreOf(configuration, [1, 1]);
  const { core } = stored;
  campaign(core, { isTransfer: false });
  becomeLeader(core);
  store(stored);
  acknowledged(core, 2);
  return stored;
}

/** The disk gets what there is, and has it. */
function store({ core, disk }: Stored): void {
  const { persist } = takeReady(core);
  assert(persist !== null, "there is something to store");
  disk.write(persist);
  batchStored(core, persist.id);
}

function acknowledged(core: Core, matchIndex: number): void {
  assert(core.role.name === "leader", "only a leader counts");
  const ack = { type: "append-ack", incarnation: 0, accepted: true } as const;
  handleAppendAck(core, core.role, { ...to(2), ...ack, matchIndex: logIndex(matchIndex) });
}

function watched(core: Core): Watched {
  const mark = watermarkOf(core);
  assertInvariants(core, mark);
  return { core, mark };
}

function watchedLeader(core: Core): WatchedLeader {
  assert(core.role.name === "leader", "it leads");
  const progress = core.role.progress.get(N2);
  assert(progress !== undefined, "n2 has a seat");
  return { ...watched(core), role: core.role, progress };
}
