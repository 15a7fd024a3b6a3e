/**
 * Histories of a whole cluster that are right because of how they were made: one log, members that
 * have applied it up to some earlier moment, sessions that ask for what they saw, answers that
 * never came, refusals, restarts. Every promise of every read level is kept, and no more than that.
 */
import { assert } from "../../shared/base/assert.ts";
import { randomBetween, randomChance, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type {
  Level,
  MicroOperation,
  Operation,
  OperationHead,
  Value,
} from "../support/checkers/history.ts";

/** How a history is made. */
export type ClusterPlan = {
  readonly operationCount: number;
  readonly processCount: number;
  readonly memberCount: number;
  readonly keyCount: number;
  readonly unknownShare: number;
  /** How far members are behind at most, ms. */
  readonly lagMsMax: number;
  /** Values of registers are drawn from so many; 0: every write has a value of its own. */
  readonly valueCount: number;
  /** No registers, and everything goes through the log. */
  readonly onlyLists?: boolean;
};

type Planned = {
  readonly head: OperationHead & { readonly member: string };
  /** When it takes effect or is answered from; Infinity: never. */
  readonly moment: number;
};

/** What stands in the log about one key, oldest first. */
type Entry<T> = { readonly index: number; readonly value: T };

type Member = { boot: number; stateMs: number };

const LEVELS: readonly (Level | undefined)[] = [
  "local",
  "bounded",
  "session",
  "linearizable",
  undefined,
];

/** A right history, in the order of the answers, with a last strict read of every key. */
export function makeClusterHistory(rng: Rng, plan: ClusterPlan): Operation[] {
  const planned = Array.from({ length: plan.processCount }, (_, p) => planProcess(rng, plan, p));
  const cluster = new GeneratedCluster(rng, plan);
  const made = planned
    .flat()
    .sort((a, b) => a.moment - b.moment)
    .map((each) => cluster.perform(each));
  made.sort((a, b) => (a.end ?? Infinity) - (b.end ?? Infinity) || a.start - b.start);
  return [...made, ...cluster.lastReads()].map((operation, i) => ({ ...operation, id: i + 1 }));
}

function planProcess(rng: Rng, plan: ClusterPlan, number: number): Planned[] {
  const planned: Planned[] = [];
  let lives = 0;
  let now = randomBetween(rng, 0, 20);
  for (let i = number; i < plan.operationCount; i += plan.processCount) {
    const start = now + rng.uint32() / 2 ** 32;
    const end = start + randomBetween(rng, 1, 20);
    const isUnknown = randomChance(rng, plan.unknownShare);
    const isRefused = !isUnknown && randomChance(rng, plan.unknownShare / 2);
    const within = start + (rng.uint32() / 2 ** 32) * (end - start);
    const late = randomChance(rng, 0.4) ? Infinity : start + randomBetween(rng, 0, 2_000) / 10;
    const head = {
      id: 0,
      process: `c${number}.${lives}`,
      session: `c${number}.${lives}`,
      member: `n${randomBetween(rng, 1, plan.memberCount)}`,
      start,
    };
    planned.push(
      isUnknown
        ? { head: { ...head, outcome: "unknown" }, moment: late }
        : {
            head: { ...head, outcome: isRefused ? "fail" : "ok", end },
            moment: isRefused ? Infinity : within,
          },
    );
    // Who never got an answer begins anew.
    if (isUnknown) lives++;
    now = end + randomBetween(rng, 1, 10);
  }
  return planned;
}

class GeneratedCluster {
  readonly #rng: Rng;
  readonly #plan: ClusterPlan;
  readonly #registers = new Map<string, Entry<Value>[]>();
  readonly #lists = new Map<string, Entry<number>[]>();
  readonly #members = new Map<string, Member>();
  readonly #sawIndex = new Map<string, number>();
  /** When each index of the log came to be. */
  readonly #log: { readonly index: number; readonly moment: number }[] = [];
  #value = 0;
  #now = 0;

  constructor(rng: Rng, plan: ClusterPlan) {
    this.#rng = rng;
    this.#plan = plan;
  }

  /** The operation with its answer. They come in the order of their moments. */
  perform({ head, moment }: Planned): Operation {
    if (moment !== Infinity) this.#now = moment;
    const isTransaction = this.#plan.onlyLists === true || randomChance(this.#rng, 0.5);
    const operation = isTransaction
      ? this.#transaction(head, moment)
      : this.#register(head, moment);
    const isPromised =
      operation.kind === "write" || operation.kind === "cas" || operation.level !== "local";
    if (operation.position !== undefined && isPromised) {
      const { index } = operation.position;
      this.#sawIndex.set(head.process, Math.max(index, this.#sawIndex.get(head.process) ?? 0));
    }
    return operation;
  }

  /** One strict read of everything, when all is over. */
  lastReads(): Operation[] {
    const start = this.#now + 10_000;
    const position = { term: 1, index: this.#lastIndex() };
    const head = { id: 0, start, end: start + 1, outcome: "ok", position } as const;
    const level = this.#plan.onlyLists === true ? {} : ({ level: "linearizable" } as const);
    const lists = [...this.#lists.keys()].map((key): Operation => {
      const micro = [["r", key, this.#listAt(key, position.index)]] as const;
      return { ...head, ...level, process: `last list ${key}`, kind: "txn", micro };
    });
    const registers = [...this.#registers.keys()].map((key): Operation => {
      const value = this.#registerAt(key, position.index);
      return { ...head, process: `last ${key}`, kind: "read", key, level: "linearizable", value };
    });
    return [...lists, ...registers];
  }

  #register(head: Planned["head"], moment: number): Operation {
    const key = `r${randomBetween(this.#rng, 1, this.#plan.keyCount)}`;
    if (randomChance(this.#rng, 0.5)) {
      const level = randomPick(this.#rng, LEVELS) ?? "linearizable";
      const { index, terms } = this.#readAt(head, level, moment);
      if (head.outcome !== "ok") return { ...head, ...terms, kind: "read", key };
      const value = this.#registerAt(key, index);
      return { ...head, ...terms, ...this.#told(index), kind: "read", key, value };
    }
    const now = this.#registerAt(key, this.#lastIndex());
    const from = randomChance(this.#rng, 0.7) && now !== null ? now : this.#newValue();
    const to = this.#newValue();
    const isSwap = randomChance(this.#rng, 0.4);
    const isTaken = moment !== Infinity && (!isSwap || from === now);
    const index = moment === Infinity ? 0 : this.#append(moment);
    if (isTaken) entriesOf(this.#registers, key).push({ index, value: to });
    const told = head.outcome === "ok" ? this.#told(index) : {};
    if (!isSwap) return { ...head, ...told, kind: "write", key, value: to };
    const swapped = head.outcome === "ok" ? { swapped: from === now } : {};
    return { ...head, ...told, ...swapped, kind: "cas", key, from, to };
  }

  #transaction(head: Planned["head"], moment: number): Operation {
    const keys = Array.from({ length: randomBetween(this.#rng, 1, 3) }, () => {
      return `l${randomBetween(this.#rng, 1, this.#plan.keyCount)}`;
    });
    const level = this.#plan.onlyLists === true ? undefined : randomPick(this.#rng, LEVELS);
    if (level !== undefined) {
      const { index, terms } = this.#readAt(head, level, moment);
      const micro = keys.map((key): MicroOperation => {
        return ["r", key, head.outcome === "ok" ? this.#listAt(key, index) : null];
      });
      const told = head.outcome === "ok" ? this.#told(index) : {};
      return { ...head, ...terms, ...told, kind: "txn", micro };
    }
    const index = moment === Infinity ? 0 : this.#append(moment);
    const micro = keys.map((key): MicroOperation => {
      if (randomChance(this.#rng, 0.5)) {
        return ["r", key, head.outcome === "ok" ? this.#listAt(key, index) : null];
      }
      const value = ++this.#value;
      if (index > 0) entriesOf(this.#lists, key).push({ index, value });
      return ["append", key, value];
    });
    return { ...head, ...(head.outcome === "ok" && this.#told(index)), kind: "txn", micro };
  }

  /** The index a read of the level is answered from, at one member. */
  #readAt(
    head: Planned["head"],
    level: Level,
    moment: number,
  ): { readonly index: number; readonly terms: { readonly level: Level; readonly boot: number } } {
    const now = moment === Infinity ? this.#now : moment;
    const member = this.#member(head.member);
    const lagMs = (this.#rng.uint32() / 2 ** 32) * this.#plan.lagMsMax;
    const maxStalenessMs = randomBetween(this.#rng, 0, 60);
    const afterIndex = this.#sawIndex.get(head.process) ?? 0;
    let stateMs = level === "linearizable" ? now : Math.max(now - lagMs, member.stateMs);
    if (level === "bounded") stateMs = Math.max(stateMs, now - maxStalenessMs);
    let index = this.#indexAt(stateMs);
    if (level === "session" && index < afterIndex) {
      index = afterIndex;
      stateMs = this.#log.find((entry) => entry.index === afterIndex)?.moment ?? stateMs;
    }
    member.stateMs = Math.max(member.stateMs, stateMs);
    const terms = { level, boot: member.boot };
    if (level === "bounded") return { index, terms: { ...terms, ...{ maxStalenessMs } } };
    const isTold = level === "session" && randomChance(this.#rng, 0.5);
    return { index, terms: { ...terms, ...(isTold && { afterIndex }) } };
  }

  #member(name: string): Member {
    const known = this.#members.get(name) ?? { boot: 1, stateMs: 0 };
    this.#members.set(name, known);
    if (randomChance(this.#rng, 0.01)) {
      known.boot++;
      known.stateMs = Math.max(0, known.stateMs - this.#plan.lagMsMax);
    }
    return known;
  }

  #told(index: number): { readonly position: { readonly term: number; readonly index: number } } {
    return { position: { term: 1 + Math.floor(index / 50), index } };
  }

  #append(moment: number): number {
    const index = this.#lastIndex() + randomBetween(this.#rng, 1, 2);
    this.#log.push({ index, moment });
    return index;
  }

  #lastIndex(): number {
    return this.#log.at(-1)?.index ?? 0;
  }

  #indexAt(stateMs: number): number {
    let low = 0;
    let high = this.#log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#log[middle]?.moment ?? Infinity) <= stateMs) low = middle + 1;
      else high = middle;
    }
    return this.#log[low - 1]?.index ?? 0;
  }

  #registerAt(key: string, index: number): Value {
    return entriesOf(this.#registers, key).findLast((entry) => entry.index <= index)?.value ?? null;
  }

  #listAt(key: string, index: number): readonly number[] {
    return entriesOf(this.#lists, key).flatMap((entry) =>
      entry.index <= index ? [entry.value] : [],
    );
  }

  #newValue(): number {
    const { valueCount } = this.#plan;
    return valueCount === 0 ? ++this.#value : randomBetween(this.#rng, 1, valueCount);
  }
}

function entriesOf<T>(all: Map<string, Entry<T>[]>, key: string): Entry<T>[] {
  const known = all.get(key);
  if (known !== undefined) return known;
  all.set(key, []);
  const made = all.get(key);
  assert(made !== undefined, "what was put into a map is there");
  return made;
}
