/**
 * A person at a computer, for the simulator: writes and reads through whichever member it can
 * reach, follows the leader it is pointed to, and repeats a write whose outcome it does not know
 * on another member under the same sequence number, as every real client does.
 */
import type {
  AckLevel,
  ApiError,
  ApiParams,
  ApiResult,
  ReadLevel,
} from "../../shared/api/methods.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import { randomBetween, randomChance, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { SqlStatement } from "../../shared/changes/values.ts";
import type { History } from "./history.ts";
import type { ReadRecord, WriteRecord } from "./operations.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimOptions } from "./sim-options.ts";
import type { Trace } from "./trace.ts";
import { uphold } from "./violation.ts";
import { appendStatements, bulkRows, readListSql, schemaStatement } from "./workload-sql.ts";

/** Where clients reach members. `null`: the member's process ended before it answered. */
export interface MembersForClients {
  /** Members whose process runs. */
  reachable(): readonly MemberId[];
  /** How many times its process was started. */
  bootOf(member: MemberId): number;
  /** What an answer of its says about its age, by the clock of the world. */
  ageOf(member: MemberId, asOf: AsOf): Pick<ReadRecord, "asOfMs" | "lagMs">;
  /** Whether a text stands in an entry that a running member has got lately. */
  holds(member: MemberId, text: string): boolean;
  /** Nobody is at work until then. */
  restUntilMs(): number;
  execute(
    member: MemberId,
    params: ApiParams<"execute">,
  ): Promise<Result<ApiResult<"execute">, ApiError> | null>;
  insertRows(
    member: MemberId,
    params: ApiParams<"insertRows">,
  ): Promise<Result<ApiResult<"insertRows">, ApiError> | null>;
  query(
    member: MemberId,
    params: ApiParams<"query">,
  ): Promise<Result<ApiResult<"query">, ApiError> | null>;
}

type SimClientOptions = {
  readonly id: string;
  readonly rng: Rng;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly members: MembersForClients;
  readonly history: History;
  readonly options: SimOptions;
};

type Attempt =
  | {
      readonly type: "done";
      readonly term: number;
      readonly index: number;
      readonly rank: number;
      /** Stored by a quorum; else the next leader may not have it. */
      readonly isFirm: boolean;
    }
  /** Refused for certain: this attempt never happens. */
  | { readonly type: "refused"; readonly code: string; readonly leader: MemberId | null }
  | { readonly type: "unknown" };

type Send = (member: MemberId) => Promise<Attempt>;

type WriteKind = "append" | "bulk" | "schema";

const ATTEMPT_COUNT_MAX = 12;
/** A client waits this long for an answer, and then asks again. */
export const REPLY_MS_MAX = 4_000;
/** Outcomes after which a write may still happen. */
const OPEN_CODES: readonly string[] = ["unknown-outcome", "internal", "unreachable"];
/** Refusals that another member, or a later moment, would not give. */
const RETRY_CODES: readonly string[] = [
  "not-leader",
  "no-quorum",
  "busy",
  "storage-full",
  "storage-failed",
  "diverged",
];
const READ_LEVELS: readonly ReadLevel[] = [
  "local",
  "session",
  "session",
  "bounded",
  "linearizable",
  "linearizable",
];
const STALENESS_MS = [50, 400, 1_500, 4_000];
const AGE_UNKNOWN = { asOfMs: null, lagMs: null };
/** Every so many writes their user believes a refusal and does not ask again: then it must hold. */
const BELIEVES_EVERY = 6;
/** How many acknowledged writes are sent again, as after an answer that was lost on its way. */
const AGAIN_SHARE = 0.05;

/** One client; runs until it is told to stop. */
export class SimClient {
  readonly #o: SimClientOptions;
  #sequence = 0;
  #isStopped = false;
  #favourite: MemberId | null = null;
  #home: MemberId | null = null;
  /** Of the last acknowledged write or session read: what the session may not go behind. */
  #lastIndex = 0;
  readonly #own = new Map<number, string[]>();

  constructor(options: SimClientOptions) {
    this.#o = options;
  }

  /** Works until stopped; resolves when its last operation has ended. */
  async run(): Promise<void> {
    const { options, rng } = this.#o;
    while (!this.#isStopped) {
      await this.pause(randomBetween(rng, 1, options.thinkMs * 2));
      await this.#rest();
      if (this.#isStopped) return;
      if (randomChance(rng, options.readShare)) await this.#read();
      else await this.#write(this.#pickWrite());
    }
  }

  /** At night, and between two bursts of work. */
  async #rest(): Promise<void> {
    const { scheduler, options } = this.#o;
    const cycleMs = options.burstMs + options.quietMs;
    const sinceMs = cycleMs === 0 ? 0 : scheduler.nowMs % cycleMs;
    const quietMs = sinceMs > options.burstMs ? cycleMs - sinceMs : 0;
    if (quietMs > 0 && !this.#isStopped) await this.pause(quietMs);
    await this.#sleep();
  }

  async #sleep(): Promise<void> {
    const nightMs = this.#o.members.restUntilMs() - this.#o.scheduler.nowMs;
    if (nightMs > 0 && !this.#isStopped) await this.pause(nightMs);
  }

  /** No new operation after the current one. */
  stop(): void {
    this.#isStopped = true;
  }

  /** One append, tried until acknowledged or out of attempts. @returns whether it was. */
  async appendOnce(): Promise<boolean> {
    return this.#write("append");
  }

  /** Waits in virtual time. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#o.scheduler.after(ms, resolve));
  }

  #pickWrite(): WriteKind {
    const { rng, options } = this.#o;
    if (randomChance(rng, options.schemaShare)) return "schema";
    return randomChance(rng, options.bulkShare) ? "bulk" : "append";
  }

  async #write(kind: WriteKind): Promise<boolean> {
    const { rng, options, scheduler, history, id } = this.#o;
    const sequence = ++this.#sequence;
    const key = randomBetween(rng, 1, options.keyCount);
    const record: WriteRecord = {
      name: `${id}/${sequence}`,
      client: id,
      key,
      askedAtMs: scheduler.nowMs,
      isOpen: false,
      acknowledged: null,
    };
    if (kind === "append") history.writes.push(record);
    const send = this.#sender(kind, record, sequence);
    for (let attempt = 0; attempt < ATTEMPT_COUNT_MAX; attempt++) {
      const member = this.#pickMember();
      if (member === null) {
        await this.#sleep();
        await this.pause(100);
        continue;
      }
      const boot = this.#o.members.bootOf(member);
      const outcome = await this.#attempt(member, send);
      this.#noteAttempt(record.name, kind, member, outcome);
      if (outcome.type === "done") {
        if (outcome.isFirm) this.#acknowledged(record, outcome, { by: member, boot });
        else record.isOpen = true;
        if (outcome.isFirm && randomChance(rng, AGAIN_SHARE)) await this.#again(outcome, send);
        return true;
      }
      if (outcome.type === "refused" && attempt === 0 && kind === "append") {
        // It may well be undone there later; until then nobody can tell.
        uphold(!this.#o.members.holds(member, record.name), "refused-is-not-in-the-log", () => {
          return `${member} refused ${record.name} (${outcome.code}) and has it in its log`;
        });
      }
      if (outcome.type === "unknown") record.isOpen = true;
      else if (!RETRY_CODES.includes(outcome.code)) return false;
      else if (sequence % BELIEVES_EVERY === 0) return false;
      this.#favourite = outcome.type === "refused" ? outcome.leader : null;
      if (this.#favourite === null) await this.pause(randomBetween(rng, 10, 300));
    }
    return false;
  }

  /** The same request once more, anywhere: the answer is the first one (I12). */
  async #again(first: Extract<Attempt, { type: "done" }>, send: Send): Promise<void> {
    const member = this.#pickMember();
    if (member === null) return;
    const again = await this.#attempt(member, send);
    if (again.type !== "done") return;
    uphold(
      again.index === first.index && again.rank === first.rank,
      "a-retry-gets-the-first-answer",
      () => {
        return `${member} answered ${again.index}/${again.rank}, not ${first.index}/${first.rank}`;
      },
    );
  }

  #acknowledged(
    record: WriteRecord,
    outcome: Extract<Attempt, { type: "done" }>,
    answered: { readonly by: MemberId; readonly boot: number },
  ): void {
    const { term, index, rank } = outcome;
    record.acknowledged = { term, index, rank, atMs: this.#o.scheduler.nowMs, ...answered };
    this.#lastIndex = Math.max(this.#lastIndex, index);
    if (rank > 0) this.#own.set(record.key, [...(this.#own.get(record.key) ?? []), record.name]);
  }

  /** What to send for one write; the same at every attempt. */
  #sender(kind: WriteKind, record: WriteRecord, sequence: number): Send {
    const { members, rng, id, options } = this.#o;
    const key = { clientId: id, sequence };
    if (kind === "bulk") {
      const params = { ...bulkRows(rng, record.name), ...key };
      return async (member) =>
        toAttempt(await members.insertRows(member, params), () => 0, "committed");
    }
    const statements: readonly SqlStatement[] =
      kind === "schema"
        ? [schemaStatement(rng, `${id}_${sequence}`)]
        : appendStatements(rng, record.name, record.key);
    const rankOf = (result: ApiResult<"execute">): number =>
      kind === "append" ? Number(result.results[0]?.rows?.[0]?.[0] ?? -1) : 0;
    const isOther = randomChance(rng, options.otherAckShare);
    const ack = isOther ? randomPick(rng, ["flushed", "applied"] as const) : "committed";
    return async (member) =>
      toAttempt(await members.execute(member, { statements, ack, ...key }), rankOf, ack);
  }

  #attempt(member: MemberId, send: Send): Promise<Attempt> {
    return this.#within<Attempt>(send(member), { type: "unknown" });
  }

  async #read(): Promise<void> {
    const { rng, members, scheduler, history, id, options, trace } = this.#o;
    const member = this.#pickForReading();
    if (member === null) return;
    const key = randomBetween(rng, 1, options.keyCount);
    const level = randomPick(rng, READ_LEVELS);
    const askedAtMs = scheduler.nowMs;
    const boot = members.bootOf(member);
    const ownWrites = [...(this.#own.get(key) ?? [])];
    const params = { ...readListSql(key), readLevel: level, rowsMax: 100_000 };
    const maxStalenessMs = level === "bounded" ? randomPick(rng, STALENESS_MS) : 0;
    const asked = { ...params, afterIndex: this.#lastIndex, maxStalenessMs };
    const answer = await this.#within(members.query(member, asked), null);
    trace.note("read", id, member, level, answer === null ? "none" : answer.ok ? "ok" : "refused");
    if (answer === null || !answer.ok) return;
    const { asOf, rows } = answer.value;
    history.reads.push({
      client: id,
      key,
      level,
      maxStalenessMs,
      member,
      boot,
      askedAtMs,
      answeredAtMs: scheduler.nowMs,
      asOfTerm: asOf.term,
      asOfIndex: asOf.index,
      // An older version takes a word to be as new as its arrival.
      ...(options.oldMemberShare > 0 ? AGE_UNKNOWN : members.ageOf(member, asOf)),
      ownWrites,
      rows: rows.map((row) => String(row[0])),
    });
    if (level === "session") this.#lastIndex = Math.max(this.#lastIndex, asOf.index);
    if (randomChance(rng, 0.3)) this.#favourite = null;
  }

  /** People read at their own computer, whatever has become of it. */
  #pickForReading(): MemberId | null {
    const { rng, members } = this.#o;
    const reachable = members.reachable();
    const isHomeThere = this.#home !== null && reachable.includes(this.#home);
    if (isHomeThere && randomChance(rng, 0.6)) return this.#home;
    const picked = this.#pickMember();
    if (!isHomeThere) this.#home = picked;
    return picked;
  }

  /** Mostly where it was pointed to, sometimes anywhere. */
  #pickMember(): MemberId | null {
    const { rng, members } = this.#o;
    const reachable = members.reachable();
    if (reachable.length === 0) return null;
    const { id } = this.#o;
    const isFavouriteThere = this.#favourite !== null && reachable.includes(this.#favourite);
    if (isFavouriteThere && !randomChance(rng, 0.05)) return this.#favourite;
    const picked = randomPick(rng, reachable);
    this.#o.trace.noteInPassing("client", id, picked);
    return picked;
  }

  #within<T>(work: Promise<T>, otherwise: T): Promise<T> {
    return new Promise((resolve) => {
      const timer = this.#o.scheduler.after(REPLY_MS_MAX, () => resolve(otherwise));
      void work.then((value) => {
        timer.isCancelled = true;
        resolve(value);
      });
    });
  }

  #noteAttempt(name: string, kind: WriteKind, member: MemberId, outcome: Attempt): void {
    const told =
      outcome.type === "done"
        ? `at ${outcome.index} rank ${outcome.rank}`
        : outcome.type === "refused"
          ? outcome.code
          : "";
    this.#o.trace.note("write", name, kind, member, outcome.type, told);
    if (outcome.type === "done") this.#favourite = member;
  }
}

function toAttempt<R extends { readonly term: number; readonly index: number }>(
  outcome: Result<R, ApiError> | null,
  rankOf: (result: R) => number,
  ack: AckLevel,
): Attempt {
  if (outcome === null) return { type: "unknown" };
  if (outcome.ok) {
    const { term, index } = outcome.value;
    return { type: "done", term, index, rank: rankOf(outcome.value), isFirm: ack !== "flushed" };
  }
  const { code, leader } = outcome.error;
  if (OPEN_CODES.includes(code)) return { type: "unknown" };
  return { type: "refused", code, leader: leader?.id ?? null };
}
