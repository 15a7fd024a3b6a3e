/**
 * Runs the world of one seed from its founding to its last check, and says what came of it.
 */
import type { ApiError } from "../../shared/api/methods.ts";
import { nextChange } from "../../electron/agent/members/autopilot.ts";
import { defined } from "../../shared/base/assert.ts";
import { memberId } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { checkExportedHistory, exportSimHistory } from "./history-export.ts";
import type { FinalLists, History } from "./history.ts";
import { REPLY_MS_MAX, SimClient } from "./sim-client.ts";
import type { SimMember } from "./sim-member.ts";
import type { SimOptions } from "./sim-options.ts";
import type { Engine } from "./sim-store.ts";
import { Violation, uphold } from "./violation.ts";
import { World } from "./world.ts";
import { ALL_LISTS_SQL, WORLD_SCHEMA } from "./workload-sql.ts";

/** How a run ended. */
export type SimOutcome = {
  readonly options: SimOptions;
  /** Over everything that happened: equal for equal seeds. */
  readonly traceHash: string;
  readonly violation: { readonly invariant: string; readonly detail: string } | null;
  readonly virtualMs: number;
  readonly eventCount: number;
  readonly acknowledgedCount: number;
  readonly readCount: number;
  readonly electionCount: number;
  readonly appliedCount: number;
  readonly installCount: number;
  /** Of `virtualMs`, the time in which everybody slept. */
  readonly nightMs: number;
  readonly peace: Peace;
  /** What came how often: faults and failpoints. */
  readonly coverage: ReadonlyMap<string, number>;
  /** Where each member stands at the end. */
  readonly states: readonly string[];
  /** The last events, for a report. */
  readonly tail: readonly string[];
};

/** How the world came back to work when the faults ended. */
export type Peace = {
  /** Until the first write was acknowledged. */
  firstWriteMs: number;
  /** Terms that began meanwhile. */
  terms: number;
};

/** What a run needs besides its options. */
export type RunTools = {
  readonly makeEngine: () => Engine;
  /** Gets every line of the trace. */
  readonly onLine?: (text: string) => void;
  /** Gets what the clients saw, before it is judged. */
  readonly onHistory?: (history: History, final: FinalLists) => void;
};

/** In peace, everything must have come together after this long. */
const PEACE_MS_MAX = 60_000;
/** Every heal costs one election; a split vote, or a seat given anew, one more. */
const PEACE_TERMS_MAX = 3;
/** Where votes are on their way for a good part of the timeout, candidates meet again and again. */
const PEACE_TERMS_MAX_SLOW = 6;
/** Everybody starts, opens files on slow disks and dials; a request may go unanswered once. */
const PEACE_START_MS = 2_000 + REPLY_MS_MAX;
const POLL_MS = 100;
const TAIL_LINES = 40;

/** Runs one world. Never rejects: whatever goes wrong is the outcome. */
export async function runSeed(options: SimOptions, tools: RunTools): Promise<SimOutcome> {
  const world = new World(options, tools.makeEngine, tools.onLine ?? null);
  const release = takeOverRejections((reason) => world.fail(reason));
  const story = new Story(world, tools.onHistory ?? null);
  let states: readonly string[] = [];
  try {
    await world.runUntil(
      () => story.isOver,
      () => story.deadlineMs,
    );
    if (world.failure === null && !story.isOver) world.fail(story.stuck());
  } finally {
    states = world.membership.all.map(describe);
    release();
    world.close();
  }
  return outcomeOf(world, { peace: story.peace, states });
}

/** What happens in a world, in order. */
class Story {
  readonly #world: World;
  readonly #clients: readonly SimClient[];
  readonly #onHistory: NonNullable<RunTools["onHistory"]> | null;
  #isOver = false;
  #deadlineMs = PEACE_MS_MAX;
  #stage = "founding";
  readonly peace: Peace = { firstWriteMs: 0, terms: 0 };

  constructor(world: World, onHistory: RunTools["onHistory"] | null) {
    this.#world = world;
    this.#onHistory = onHistory ?? null;
    const { clientCount } = world.parts.options;
    this.#clients = Array.from({ length: clientCount + 1 }, (_, i) => this.#client(i));
    world.bootAll();
    void this.#tell().catch((error: unknown) => world.fail(error));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get deadlineMs(): number {
    return this.#deadlineMs + this.#world.nightMs;
  }

  /** Time is up: what it was waiting for. */
  stuck(): Violation {
    const states = this.#world.membership.all.map(describe);
    return new Violation("works-again-in-peace", `stuck at ${this.#stage}: ${states.join("; ")}`);
  }

  async #tell(): Promise<void> {
    const world = this.#world;
    const { faultyMs } = world.parts.options;
    await this.#createTables();
    await this.#grow();
    this.#stage = "faults";
    this.#deadlineMs = world.parts.scheduler.nowMs + faultyMs + PEACE_MS_MAX;
    world.nemesis.start();
    const [last, ...others] = this.#clients;
    const working = others.map((client) => client.run());
    const endsAtMs = world.parts.scheduler.nowMs + faultyMs;
    for (;;) {
      const leftMs = endsAtMs + world.nightMs - world.parts.scheduler.nowMs;
      if (leftMs <= 0) break;
      await this.#pause(leftMs);
    }
    for (const client of others) client.stop();
    await this.#makePeace(defined(last, "somebody is left to write"));
    this.#stage = "clients coming to an end";
    await Promise.all(working);
    this.#stage = "everybody coming back";
    world.bootAll();
    this.#deadlineMs = world.parts.scheduler.nowMs - world.nightMs + PEACE_MS_MAX;
    while (!this.#haveConverged(true)) await this.#pause(POLL_MS);
    await this.#stayStill();
    this.#stage = "the last look";
    await this.#verify();
    const final = await this.#finalLists();
    this.#onHistory?.(world.history, final);
    world.history.check(final);
    checkExportedHistory(exportSimHistory(world.history, final, world.parts.options.seed));
    this.#isOver = true;
  }

  /** No more faults: first those who are there must work, some of them perhaps without a few. */
  async #makePeace(client: SimClient): Promise<void> {
    const world = this.#world;
    const { scheduler, raftChecker } = world.parts;
    const termBefore = world.highestTerm();
    world.calm();
    const calmAtMs = scheduler.nowMs;
    this.#deadlineMs = calmAtMs - world.nightMs + PEACE_MS_MAX;
    this.#stage = "a write in peace";
    while (!(await client.appendOnce())) await this.#pause(POLL_MS);
    this.peace.firstWriteMs = scheduler.nowMs - calmAtMs;
    const { options } = world.parts;
    uphold(this.peace.firstWriteMs <= firstWriteMsMax(options), "writes-soon-in-peace", () => {
      return `${this.peace.firstWriteMs} ms with elections of ${options.electionMs} ms`;
    });
    this.#stage = "everybody catching up";
    while (!this.#haveConverged(false)) await this.#pause(POLL_MS);
    this.peace.terms = Math.max(0, raftChecker.lastTerm - termBefore);
    uphold(this.peace.terms <= peaceTermsMax(options), "few-terms-per-heal", () => {
      return `${this.peace.terms} terms until all were in step`;
    });
  }

  /** Nobody writes and nothing breaks: whoever leads goes on leading, however long that lasts. */
  async #stayStill(): Promise<void> {
    const { stillMs } = this.#world.parts.options;
    this.#stage = "a quiet time";
    this.#deadlineMs += stillMs;
    const before = this.#world.membership.leader()?.replica?.raftStatus();
    await this.#pause(stillMs);
    const after = this.#world.membership.leader()?.replica?.raftStatus();
    const isSame = after?.id === before?.id && after?.term === before?.term;
    uphold(isSame, "a-quiet-cluster-keeps-its-leader", () => {
      const [first, last] = [before, after].map((status) => {
        return status === undefined ? "nobody" : `${status.id} in term ${status.term}`;
      });
      return `${String(first)} led before a quiet time of ${stillMs} ms, ${String(last)} after it`;
    });
    // Who had asked to join in the middle of the faults may have come in meanwhile.
    this.#stage = "everybody catching up again";
    while (!this.#haveConverged(true)) await this.#pause(POLL_MS);
  }

  async #createTables(): Promise<void> {
    const world = this.#world;
    const params = { statements: WORLD_SCHEMA, clientId: "founder", sequence: 1 };
    for (;;) {
      for (const id of world.access.reachable()) {
        const outcome = await world.access.execute(id, params);
        if (outcome?.ok === true) return;
        const code = outcome?.error.code ?? "none";
        const isExpected = ["not-leader", "no-quorum", "unknown-outcome", "busy"].includes(code);
        uphold(isExpected, "founding-works", () => JSON.stringify(outcome));
      }
      await this.#pause(POLL_MS);
    }
  }

  async #grow(): Promise<void> {
    this.#stage = "growing";
    const { voterCount, mirrorCount, isGrown } = this.#world.parts.options;
    for (let i = 2; isGrown && i <= voterCount + mirrorCount; i++) {
      const role = i <= voterCount ? "voter" : "mirror";
      while (!(await this.#world.membership.joinAs(memberId(`n${i}`), role)))
        await this.#pause(POLL_MS);
    }
  }

  /**
   * Everybody with a seat has applied what the leader has committed, and holds the same; votes
   * are as the autopilot wants them.
   *
   * @param isForAll Else those who are away are left out.
   */
  #haveConverged(isForAll: boolean): boolean {
    const leader = this.#world.membership.leader()?.replica ?? null;
    if (leader === null) return false;
    const status = leader.raftStatus();
    const { commitIndex, lastIndex, configuration } = status;
    if (commitIndex !== lastIndex) return false;
    // Whoever was hurt is watched until it is back.
    if (isForAll && this.#world.wounds.isBusy) return false;
    if (isForAll && nextChange(status, () => true) !== null) return false;
    return configuration.seats.every((seat) => {
      if (this.#world.membership.isStranded(seat.id, configuration.seats)) return true;
      if (!isForAll && this.#world.membership.get(seat.id)?.process === null) return true;
      const applied = this.#world.membership.occupant(seat.id, configuration.seats).replica
        ?.applied;
      return applied?.applied.index === commitIndex && applied.checksum === leader.applied.checksum;
    });
  }

  /** The rolling checksum is what the rows give when all are read again. */
  async #verify(): Promise<void> {
    const seats = this.#world.membership.leader()?.replica?.raftStatus().configuration.seats ?? [];
    for (const seat of seats) {
      if (this.#world.membership.isStranded(seat.id, seats)) continue;
      const outcome = await this.#world.membership.get(seat.id)?.call("verify", {});
      uphold(outcome?.ok === true && outcome.value.isIdentical, "checksums-are-of-the-rows", () => {
        return `verify on ${seat.id}: ${JSON.stringify(outcome)}`;
      });
    }
  }

  async #finalLists(): Promise<FinalLists> {
    const lists = new Map<number, string[]>();
    const asked = { sql: ALL_LISTS_SQL, readLevel: "linearizable", rowsMax: 100_000 } as const;
    const outcome = await this.#world.membership.leader()?.call("query", asked);
    uphold(outcome?.ok === true, "works-again-in-peace", () => `last read: ${text(outcome)}`);
    for (const [key, name] of outcome.value.rows) {
      const list = lists.get(Number(key));
      if (list === undefined) lists.set(Number(key), [String(name)]);
      else list.push(String(name));
    }
    return lists;
  }

  #client(i: number): SimClient {
    const { parts, history } = this.#world;
    const { scheduler, trace, options } = parts;
    return new SimClient({
      id: `c${i}`,
      rng: seededRng(options.seed * 7 + 100 + i),
      scheduler,
      trace,
      members: this.#world.access,
      history,
      options,
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#world.parts.scheduler.after(ms, resolve));
  }
}

function describe(member: SimMember): string {
  const { replica, process } = member;
  if (replica === null) return `${member.id} ${process === null ? "off" : "starting"}`;
  const { role, term, leader, commitIndex, lastIndex, configuration, incarnation } =
    replica.raftStatus();
  const seats = configuration.seats.map(
    ({ id, kind, incarnation: given }) => `${id}${kind === "voter" ? "" : "*"}@${given}`,
  );
  const { seat } = replica.status();
  return (
    `${member.id} holding ${String(incarnation)} (${seat.state} ${seat.reason ?? ""}) ${role} term ${term} of ${String(leader)}, log ${replica.log.firstIndex}..` +
    `${lastIndex}, commit ${commitIndex}, applied ${replica.applied.applied.index} ` +
    `${replica.applied.checksum}, seats ${seats.join(",")}`
  );
}

/** Raft elects soon when a round of votes takes far less time than a timeout; not in all worlds. */
function peaceTermsMax({ network, syncMs, electionMs }: SimOptions): number {
  const voteMs = 2 * (network.delayMs + network.jitterMs + syncMs);
  return voteMs * 4 < electionMs ? PEACE_TERMS_MAX : PEACE_TERMS_MAX_SLOW;
}

/** Each term costs a wait of one to two election timeouts. */
function firstWriteMsMax(options: SimOptions): number {
  return PEACE_START_MS + peaceTermsMax(options) * 2 * options.electionMs;
}

function text(outcome: Result<unknown, ApiError> | null | undefined): string {
  return outcome === null || outcome === undefined ? "no answer" : JSON.stringify(outcome);
}

function outcomeOf(
  world: World,
  { peace, states }: { readonly peace: Peace; readonly states: readonly string[] },
): SimOutcome {
  const { parts, history, failure } = world;
  return {
    options: parts.options,
    traceHash: parts.trace.hash(),
    violation: failure === null ? null : violationOf(failure),
    virtualMs: parts.scheduler.nowMs,
    eventCount: world.eventCount,
    acknowledgedCount: history.acknowledgedCount,
    readCount: history.reads.length,
    electionCount: parts.raftChecker.electionCount,
    appliedCount: parts.storeChecker.appliedCount,
    installCount: world.installCount,
    nightMs: world.nightMs,
    peace,
    coverage: parts.coverage.counts,
    states,
    tail: parts.trace.tail(TAIL_LINES),
  };
}

function violationOf(failure: unknown): { invariant: string; detail: string } {
  if (failure instanceof Violation) {
    return { invariant: failure.invariant, detail: failure.message };
  }
  const detail = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
  return { invariant: "never-crashes", detail };
}

/** A promise that nobody looks at failed: in the product that ends the process. */
function takeOverRejections(onReason: (reason: unknown) => void): () => void {
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", onReason);
  return () => {
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
  };
}
