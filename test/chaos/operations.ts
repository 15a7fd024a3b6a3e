/**
 * What clients ask for: drawn by chance, as SQL for the product and as words for the history. The
 * mapping of registers and lists to tables is that of `test/support/history.md`.
 *
 * It knows neither members nor time: who is asked, and how often, is `chaos-client.ts`.
 */
import type { ApiResult, ReadLevel } from "../../shared/api/methods.ts";
import { randomBetween, randomChance, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { JsonCell, SqlStatement } from "../../shared/changes/values.ts";
import type { MicroOperation, Value } from "../support/checkers/history.ts";

/** The tables; made once per cluster. */
export const TABLES_SQL = [
  "CREATE TABLE IF NOT EXISTS registers (key TEXT PRIMARY KEY, value INTEGER)",
  "CREATE TABLE IF NOT EXISTS lists (key TEXT PRIMARY KEY, list TEXT)",
];

/** A step before it is carried out. */
export type Step = readonly ["append", string, number] | readonly ["r", string];

/** Something a client wants. */
export type Wish =
  | { readonly kind: "write"; readonly key: string; readonly value: number }
  | { readonly kind: "cas"; readonly key: string; readonly from: Value; readonly to: number }
  | { readonly kind: "txn"; readonly steps: readonly Step[] }
  | { readonly kind: "read"; readonly key: string; readonly level: ReadLevel }
  | { readonly kind: "look"; readonly keys: readonly string[]; readonly level: ReadLevel };

/** A wish that changes something, or that goes through the log like one that does. */
export type WriteWish = Extract<Wish, { kind: "write" | "cas" | "txn" }>;

/** A wish that a single query answers: of one register, or of several lists. */
export type ReadWish = Extract<Wish, { kind: "read" | "look" }>;

const LEVELS: readonly ReadLevel[] = ["local", "bounded", "session", "linearizable"];
const REGISTER_COUNT = 5;
const LIST_COUNT = 6;
/** Longer lists make checking slow; then a new key takes its place. */
const LIST_LENGTH_MAX = 40;
/** The same for registers. */
const REGISTER_WRITES_MAX = 2_000;
const STEPS_MAX = 4;
/** Values of different clients differ; nobody writes so many in one history. */
const CLIENT_SPAN = 1_000_000;

/** Which keys are in use, and what was last seen in them; shared by all clients of one history. */
export class KeySpace {
  readonly #prefix: string;
  readonly #uses = new Map<string, number>();
  readonly #lastSeen = new Map<string, Value>();
  readonly #generations = new Map<string, number>();

  /** @param prefix Keeps the keys of one history apart from those of others. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  register(rng: Rng): string {
    return this.#key(`r${randomBetween(rng, 0, REGISTER_COUNT - 1)}`);
  }

  list(rng: Rng): string {
    return this.#key(`l${randomBetween(rng, 0, LIST_COUNT - 1)}`);
  }

  /** A key is written; too often, and the next client gets another one. */
  used(key: string): void {
    const base = key.slice(this.#prefix.length).replace(/\.\d+$/, "");
    const count = (this.#uses.get(key) ?? 0) + 1;
    this.#uses.set(key, count);
    if (count < (base.startsWith("l") ? LIST_LENGTH_MAX : REGISTER_WRITES_MAX)) return;
    this.#generations.set(base, (this.#generations.get(base) ?? 0) + 1);
  }

  saw(key: string, value: Value): void {
    this.#lastSeen.set(key, value);
  }

  lastSeen(key: string): Value {
    return this.#lastSeen.get(key) ?? null;
  }

  /** Every key that was ever written. */
  written(): readonly string[] {
    return [...this.#uses.keys()];
  }

  /** Whether a key of this space names a list. */
  isList(key: string): boolean {
    return key.startsWith(`${this.#prefix}l`);
  }

  #key(base: string): string {
    return `${this.#prefix}${base}.${this.#generations.get(base) ?? 0}`;
  }
}

/** One client's wishes, from its own chance. */
export class Wishes {
  readonly #rng: Rng;
  readonly #keys: KeySpace;
  readonly #readShare: number;
  #nextValue: number;

  /** @param client Its number, from 0. @param readShare How many of its wishes only read, 0 to 1. */
  constructor(rng: Rng, keys: KeySpace, client: number, readShare: number) {
    this.#rng = rng;
    this.#keys = keys;
    this.#readShare = readShare;
    this.#nextValue = (client + 1) * CLIENT_SPAN;
  }

  next(): Wish {
    const rng = this.#rng;
    if (randomChance(rng, this.#readShare)) {
      const level = randomPick(rng, LEVELS);
      if (randomChance(rng, 0.6)) return { kind: "read", key: this.#keys.register(rng), level };
      const keys = [...new Set([this.#keys.list(rng), this.#keys.list(rng)])];
      return { kind: "look", keys, level };
    }
    if (randomChance(rng, 0.45)) return this.#transaction();
    const key = this.#keys.register(rng);
    const value = this.#nextValue++;
    const from = this.#keys.lastSeen(key);
    this.#keys.used(key);
    if (from === null || randomChance(rng, 0.5)) return { kind: "write", key, value };
    return { kind: "cas", key, from, to: value };
  }

  #transaction(): Wish {
    const rng = this.#rng;
    const steps = Array.from({ length: randomBetween(rng, 1, STEPS_MAX) }, (): Step => {
      const key = this.#keys.list(rng);
      if (randomChance(rng, 0.4)) return ["r", key];
      this.#keys.used(key);
      return ["append", key, this.#nextValue++];
    });
    return { kind: "txn", steps };
  }
}

/** The statements of a wish that goes through the log. */
export function statementsOf(wish: WriteWish): readonly SqlStatement[] {
  switch (wish.kind) {
    case "write": {
      const sql =
        "INSERT INTO registers VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
      return [{ sql, params: [wish.key, wish.value] }];
    }
    case "cas": {
      const sql = "UPDATE registers SET value = ?3 WHERE key = ?1 AND value = ?2";
      return [{ sql, params: [wish.key, wish.from, wish.to] }];
    }
    case "txn":
      return wish.steps.map(statementOf);
  }
}

/** The query of a wish that only reads. */
export function queryOf(wish: ReadWish): SqlStatement {
  if (wish.kind === "read") {
    return { sql: "SELECT value FROM registers WHERE key = ?", params: [wish.key] };
  }
  const places = wish.keys.map(() => "?").join(",");
  return { sql: `SELECT key, list FROM lists WHERE key IN (${places})`, params: wish.keys };
}

/** The steps of a transaction with what was read; null for reads without an answer. */
export function microOf(
  steps: readonly Step[],
  results: ApiResult<"execute">["results"] | null,
): readonly MicroOperation[] {
  return steps.map((step, i): MicroOperation => {
    if (step[0] === "append") return step;
    return ["r", step[1], results === null ? null : elementsOf(results[i]?.rows?.[0]?.[0])];
  });
}

/** The lists a query of several keys told of, as reads of one transaction. */
export function looksOf(
  keys: readonly string[],
  rows: readonly (readonly JsonCell[])[],
): readonly MicroOperation[] {
  return keys.map((key) => ["r", key, elementsOf(rows.find((row) => row[0] === key)?.[1])]);
}

/** A register's value as a history has it. */
export function valueOf(cell: JsonCell | undefined): Value {
  if (cell === undefined || cell === null) return null;
  if (typeof cell === "number" || typeof cell === "string") return cell;
  throw new Error(`a register held ${JSON.stringify(cell)}`);
}

function statementOf(step: Step): SqlStatement {
  if (step[0] === "r") return { sql: "SELECT list FROM lists WHERE key = ?", params: [step[1]] };
  const sql =
    "INSERT INTO lists VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET list = list || ',' || ?2";
  return { sql, params: [step[1], String(step[2])] };
}

function elementsOf(cell: JsonCell | undefined): readonly number[] {
  if (cell === undefined || cell === null) return [];
  if (typeof cell !== "string") throw new Error(`a list held ${JSON.stringify(cell)}`);
  return cell.split(",").map(Number);
}
