/**
 * One client: asks one thing after the other, of members at random, and notes what it was told. A
 * write without a certain answer is repeated elsewhere under the same client id and sequence
 * until somebody answers it, as the product tells its clients to do.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiError, ApiErrorCode, ApiResult } from "../../shared/api/methods.ts";
import { randomBetween, randomChance } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { NewOperation, Outcome } from "../support/checkers/history.ts";
import type { ChaosMember } from "./chaos-member.ts";
import { looksOf, microOf, queryOf, statementsOf, valueOf } from "./operations.ts";
import type { KeySpace, ReadWish, Wishes, WriteWish } from "./operations.ts";

/** A client of the product; it stays the same over many histories of one cluster. */
export type ClientIdentity = { readonly id: string; sequence: number };

/** What a client needs around it. */
export type ClientSurroundings = {
  readonly members: readonly ChaosMember[];
  readonly rng: Rng;
  readonly keys: KeySpace;
  readonly wishes: Wishes;
  readonly identity: ClientIdentity;
  /** Its name in the history. */
  readonly process: string;
  readonly thinkMsMax: number;
  /** Of the history's clock. */
  readonly nowMs: () => number;
  readonly note: (operation: NewOperation) => void;
  /** A read that was refused or not answered changes nothing and is only counted. */
  readonly refused: (wish: ReadWish, code: ApiErrorCode) => void;
  readonly acknowledged: (told: { readonly term: number; readonly endMs: number }) => void;
};

/** After these answers nothing happened and nothing will. */
const CERTAIN = new Set<ApiErrorCode>(["not-leader", "no-quorum", "busy"]);

const WRITE_WAIT_MS = 1_200;
const READ_WAIT_MS = 1_500;
const STALENESS_MS_MAX = 500;
const RETRY_MS = 10;
/** After the clients were told to stop, how long a write is still repeated. */
const SETTLE_MS = 30_000;

type Sent = {
  readonly start: number;
  readonly attempts: number;
  readonly isOpen: boolean;
  readonly error: ApiError | null;
  readonly member: string;
  readonly boot: number;
  readonly answer: ApiResult<"execute"> | null;
};

/** See the top of the file. */
export class ChaosClient {
  readonly #in: ClientSurroundings;
  /** The member that last took a write. */
  #leaderPlace = 0;
  /** The newest position it was ever shown. */
  #seenIndex = 0;
  #stopAtMs = Infinity;

  constructor(surroundings: ClientSurroundings) {
    this.#in = surroundings;
  }

  /** Works until `stop`. */
  async run(): Promise<void> {
    const { wishes, rng, thinkMsMax } = this.#in;
    while (this.#stopAtMs === Infinity) {
      const wish = wishes.next();
      if (wish.kind === "read" || wish.kind === "look") await this.#read(wish);
      else await this.#write(wish);
      if (thinkMsMax > 0) await sleep(randomBetween(rng, 0, thinkMsMax));
    }
  }

  /** Lets it end what it is at. */
  stop(): void {
    this.#stopAtMs = this.#in.nowMs();
  }

  /** Reads until it is answered; for the last look at everything. */
  async readSurely(wish: ReadWish): Promise<void> {
    while (!(await this.#read(wish))) await sleep(RETRY_MS);
  }

  async #read(wish: ReadWish): Promise<boolean> {
    const { members, rng, process, nowMs, note, refused } = this.#in;
    const member = members[randomBetween(rng, 0, members.length - 1)] as ChaosMember;
    const { level } = wish;
    const { sql, params = [] } = queryOf(wish);
    const { name, bootCount } = member;
    const start = nowMs();
    const terms = {
      readLevel: level,
      ...(level === "session" ? { afterIndex: this.#seenIndex } : {}),
      ...(level === "bounded" ? { maxStalenessMs: STALENESS_MS_MAX } : {}),
    };
    const answer = await member.call("query", { sql, params, ...terms }, READ_WAIT_MS);
    if (!answer.ok) {
      refused(wish, answer.error.code);
      await sleep(RETRY_MS);
      return false;
    }
    const { rows, asOf } = answer.value;
    const { term, index } = asOf;
    this.#seenIndex = Math.max(this.#seenIndex, index);
    const head = {
      ...{ process, level, start, end: nowMs(), outcome: "ok" as const, member: name },
      ...{ boot: bootCount, position: { term, index } },
      ...(level === "bounded" ? { maxStalenessMs: STALENESS_MS_MAX } : {}),
    };
    if (wish.kind === "look") note({ ...head, kind: "txn", micro: looksOf(wish.keys, rows) });
    else {
      const value = valueOf(rows[0]?.[0]);
      this.#in.keys.saw(wish.key, value);
      note({ ...head, kind: "read", key: wish.key, value });
    }
    return true;
  }

  async #write(wish: WriteWish): Promise<void> {
    const { process, nowMs, note, acknowledged, keys } = this.#in;
    const sent = await this.#send(wish);
    const { start, attempts, member, boot, answer, error } = sent;
    const outcome: Outcome = answer !== null ? "ok" : sent.isOpen ? "unknown" : "fail";
    const end = nowMs();
    const head = {
      ...{ process, start, outcome, attempts, member, boot },
      ...(outcome === "unknown" ? {} : { end }),
      ...(answer === null ? {} : { position: { term: answer.term, index: answer.index } }),
      ...(error === null ? {} : { error: error.code }),
    };
    if (answer !== null) {
      this.#seenIndex = Math.max(this.#seenIndex, answer.index);
      acknowledged({ term: answer.term, endMs: end });
    }
    const swapped = answer === null ? {} : { swapped: answer.results[0]?.changes === 1 };
    switch (wish.kind) {
      case "write":
        note({ ...head, ...wish });
        break;
      case "cas":
        note({ ...head, ...wish, ...swapped });
        if (swapped.swapped === true) keys.saw(wish.key, wish.to);
        break;
      case "txn":
        note({ ...head, kind: "txn", micro: microOf(wish.steps, answer?.results ?? null) });
        break;
    }
  }

  /** One sequence number, asked until somebody answers it for certain or time is up. */
  async #send(wish: WriteWish): Promise<Sent> {
    const { members, identity, nowMs, rng } = this.#in;
    identity.sequence += 1;
    const { id: clientId, sequence } = identity;
    const statements = statementsOf(wish);
    const start = nowMs();
    let isOpen = false;
    for (let attempts = 1; ; attempts++) {
      const member = members[this.#leaderPlace] as ChaosMember;
      const { name, bootCount: boot } = member;
      const params = { statements, clientId, sequence };
      const answer = await member.call("execute", params, WRITE_WAIT_MS);
      const sent = { start, attempts, member: name, boot };
      if (answer.ok) return { ...sent, isOpen, error: null, answer: answer.value };
      const { error } = answer;
      if (!CERTAIN.has(error.code)) isOpen = true;
      const isUnanswerable = error.code === "sql-error" || error.code === "bad-request";
      if (isUnanswerable) throw new Error(`${statements[0]?.sql ?? ""}: ${error.message}`);
      if (nowMs() > this.#stopAtMs + SETTLE_MS) return { ...sent, isOpen, error, answer: null };
      this.#goElsewhere(error, randomChance(rng, 0.8));
      await sleep(RETRY_MS);
    }
  }

  /** To the leader that was named, or to anybody: a cut-off member names the old one for ever. */
  #goElsewhere(error: ApiError, believes: boolean): void {
    const { members, rng } = this.#in;
    const named = members.findIndex(({ name }) => name === error.leader?.name);
    this.#leaderPlace = named >= 0 && believes ? named : randomBetween(rng, 0, members.length - 1);
  }
}
