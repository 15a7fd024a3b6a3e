/**
 * Runs the world of one seed from its founding to its last check, and says what came of it.
 */
import type { ApiError } from "../../shared/api/methods.ts";
import { memberId } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import { seededRng } from "../../shared/base/rng.ts";
import type { FinalLists } from "./history.ts";
import { SimClient } from "./sim-client.ts";
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
  /** The last events, for a report. */
  readonly tail: readonly string[];
};

/** What a run needs besides its options. */
export type RunTools = {
  readonly makeEngine: () => Engine;
  /** Gets every line of the trace. */
  readonly onLine?: (text: string) => void;
};

/** In peace, everything must have come together after this long. */
const PEACE_MS_MAX = 60_000;
const POLL_MS = 100;
const TAIL_LINES = 40;

/** Runs one world. Never rejects: whatever goes wrong is the outcome. */
export async function runSeed(options: SimOptions, tools: RunTools): Promise<SimOutcome> {
  const world = new World(options, tools.makeEngine, tools.onLine ?? null);
  const release = takeOverRejections((reason) => world.fail(reason));
  const story = new Story(world);
  try {
    await world.runUntil(
      () => story.isOver,
      () => story.deadlineMs,
    );
    if (world.failure === null && !story.isOver) world.fail(story.stuck());
  } finally {
    release();
    world.close();
  }
  return outcomeOf(world);
}

/** What happens in a world, in order. */
class Story {
  readonly #world: World;
  readonly #clients: readonly SimClient[];
  #isOver = false;
  #deadlineMs = PEACE_MS_MAX;
  #stage = "founding";

  constructor(world: World) {
    this.#world = world;
    const { clientCount } = world.parts.options;
    this.#clients = Array.from({ length: clientCount + 1 }, (_, i) => this.#client(i));
    world.bootAll();
    void this.#tell().catch((error: unknown) => world.fail(error));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** Time is up: what it was waiting for. */
  stuck(): Violation {
    const states = this.#world.all().map(describe);
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
    await this.#pause(faultyMs);
    world.calm();
    for (const client of others) client.stop();
    this.#stage = "clients coming to an end";
    await Promise.all(working);
    this.#stage = "a write in peace";
    while ((await last?.appendOnce()) !== true) await this.#pause(POLL_MS);
    this.#stage = "everybody catching up";
    while (!this.#haveConverged()) await this.#pause(POLL_MS);
    this.#stage = "the last look";
    await this.#verify();
    world.history.check(await this.#finalLists());
    this.#isOver = true;
  }

  async #createTables(): Promise<void> {
    const world = this.#world;
    const params = { statements: WORLD_SCHEMA, clientId: "founder", sequence: 1 };
    for (;;) {
      for (const id of world.reachable()) {
        const outcome = await world.execute(id, params);
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
      while (!(await this.#world.joinAs(memberId(`n${i}`), role))) await this.#pause(POLL_MS);
    }
  }

  /** Everybody with a seat has applied what the leader has committed, and holds the same. */
  #haveConverged(): boolean {
    const leader = this.#world.leader()?.replica ?? null;
    if (leader === null) return false;
    const { commitIndex, lastIndex, configuration } = leader.raftStatus();
    if (commitIndex !== lastIndex) return false;
    return configuration.seats.every((seat) => {
      const applied = this.#world.occupant(seat.id, configuration.seats).replica?.applied;
      return applied?.applied.index === commitIndex && applied.checksum === leader.applied.checksum;
    });
  }

  /** The rolling checksum is what the rows give when all are read again. */
  async #verify(): Promise<void> {
    const seats = this.#world.leader()?.replica?.raftStatus().configuration.seats ?? [];
    for (const seat of seats) {
      const outcome = await this.#world.member(seat.id)?.call("verify", {});
      uphold(outcome?.ok === true && outcome.value.isIdentical, "checksums-are-of-the-rows", () => {
        return `verify on ${seat.id}: ${JSON.stringify(outcome)}`;
      });
    }
  }

  async #finalLists(): Promise<FinalLists> {
    const lists = new Map<number, string[]>();
    const asked = { sql: ALL_LISTS_SQL, readLevel: "linearizable", rowsMax: 100_000 } as const;
    const outcome = await this.#world.leader()?.call("query", asked);
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
      members: this.#world,
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
  const { role, term, leader, commitIndex, lastIndex, configuration } = replica.raftStatus();
  const seats = configuration.seats.map((seat) => `${seat.id}${seat.kind === "voter" ? "" : "*"}`);
  return (
    `${member.id} ${role} term ${term} of ${String(leader)}, log ${replica.log.firstIndex}..` +
    `${lastIndex}, commit ${commitIndex}, applied ${replica.applied.applied.index} ` +
    `${replica.applied.checksum}, seats ${seats.join(",")}`
  );
}

function text(outcome: Result<unknown, ApiError> | null | undefined): string {
  return outcome === null || outcome === undefined ? "no answer" : JSON.stringify(outcome);
}

function outcomeOf(world: World): SimOutcome {
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
