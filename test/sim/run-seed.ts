/**
 * Runs the world of one seed from its founding to its last check, and says what came of it.
 */
import { nextChange } from "../../electron/agent/members/autopilot.ts";
import { defined } from "../../shared/base/assert.ts";
import { memberId } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { checkExportedHistory, exportSimHistory } from "./history-export.ts";
import type { History } from "./history.ts";
import type { FinalLists } from "./operations.ts";
import { SimClient } from "./sim-client.ts";
import type { SimMember } from "./sim-member.ts";
import type { SimOptions } from "./sim-options.ts";
import type { Engine } from "./sim-store.ts";
import { Violation } from "./violation.ts";
import { World } from "./world.ts";
import {
  checkFirstWrite,
  checkFounding,
  checkPeaceTerms,
  checkQuiet,
  checkVerified,
  stuckAt,
} from "./world-checks.ts";
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
    return stuckAt(this.#stage, this.#world.membership.all.map(describe));
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
    checkFirstWrite(this.peace.firstWriteMs, options);
    this.#stage = "everybody catching up";
    while (!this.#haveConverged(false)) await this.#pause(POLL_MS);
    this.peace.terms = Math.max(0, raftChecker.lastTerm - termBefore);
    checkPeaceTerms(this.peace.terms, options);
  }

  /** Nobody writes and nothing breaks: whoever leads goes on leading, however long that lasts. */
  async #stayStill(): Promise<void> {
    const { stillMs } = this.#world.parts.options;
    this.#stage = "a quiet time";
    this.#deadlineMs += stillMs;
    const before = this.#world.membership.leader()?.replica?.raftStatus();
    await this.#pause(stillMs);
    const after = this.#world.membership.leader()?.replica?.raftStatus();
    checkQuiet(before, after, stillMs);
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
        checkFounding(outcome);
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
    // Whoever was hurt is watched until it is back; a removal that was asked for may be the leader's.
    const { wounds, membership } = this.#world;
    if (isForAll && (wounds.isBusy || membership.isChanging)) return false;
    if (isForAll && nextChange(status, () => true) !== null) return false;
    return configuration.seats.every((seat) => {
      if (this.#world.membership.isStranded(seat.id, configuration.seats)) return true;
      if (!isForAll && this.#world.membership.get(seat.id)?.process === null) return true;
      const { replica } = this.#world.membership.occupant(seat.id, configuration.seats);
      // Whoever took over at somebody's wish is in its own term already, and the leader not told yet.
      if (replica?.raftStatus().term !== status.term) return false;
      const { applied, checksum } = replica.applied;
      return applied.index === commitIndex && checksum === leader.applied.checksum;
    });
  }

  async #verify(): Promise<void> {
    const seats = this.#world.membership.leader()?.replica?.raftStatus().configuration.seats ?? [];
    for (const seat of seats) {
      if (this.#world.membership.isStranded(seat.id, seats)) continue;
      checkVerified(seat.id, await this.#world.membership.get(seat.id)?.call("verify", {}));
    }
  }

  async #finalLists(): Promise<FinalLists> {
    const lists = new Map<number, string[]>();
    const asked = { sql: ALL_LISTS_SQL, readLevel: "linearizable", rowsMax: 100_000 } as const;
    const outcome = await this.#world.membership.leader()?.call("query", asked);
    if (outcome?.ok !== true) throw stuckAt(this.#stage, [JSON.stringify(outcome)]);
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
