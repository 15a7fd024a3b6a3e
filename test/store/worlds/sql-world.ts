/**
 * Three members and plain SQL.js side by side, fed with the same transactions. Members take turns in leading,
 * apply in batches of any size and as late as they like, and are now and then replaced by one that was loaded from
 * another's image. After each round all four must hold the same: every value, rowid, counter and word of schema.
 *
 * Knows nothing of how transactions are made.
 */
import { isDeepStrictEqual } from "node:util";
import type { StatementResult } from "../../../shared/api/methods.ts";
import { logIndex, term } from "../../../shared/base/ids.ts";
import { randomBetween, randomChance, seededRng, type Rng } from "../../../shared/base/rng.ts";
import { Connection } from "../../../electron/store-worker/connection.ts";
import { createStoreEngine, type StoreEngine } from "../../../electron/store-worker/engine.ts";
import type {
  CaptureOutcome,
  CommittedEntry,
  StoreError,
} from "../../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../../electron/store-worker/sqlite-module.ts";
import { request, rows } from "../store-fixture.ts";
import type { JsonCell } from "../../../shared/changes/values.ts";
import { dumpSql, readCatalogue, readRows, type Catalogue } from "./catalogue.ts";

/** Statements that are one transaction. */
export type Transaction = readonly string[];

/** What a world came to. */
export type Tally = { statements: number; done: number; failed: number; refused: number };

type Member = {
  engine: StoreEngine;
  /** Entries that it has not applied yet. */
  waiting: CommittedEntry[];
};

/** The members differ from plain SQL.js or from each other. */
export class Difference extends Error {
  override readonly name = "Difference";
}

const MEMBER_COUNT = 3;
/** Names of ours begin with an underscore, and users' do not here. */
const SCHEMA_SQL =
  "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE substr(tbl_name, 1, 1) <> '_' " +
  "ORDER BY type, name";
const COUNTERS_SQL = "SELECT name, seq FROM sqlite_sequence ORDER BY name";

/** One world. */
export class SqlWorld {
  readonly tally: Tally = { statements: 0, done: 0, failed: 0, refused: 0 };
  readonly #sqlite: SqliteModule;
  readonly #rng: Rng;
  readonly #members: Member[];
  /** null where values are drawn by chance: then the members are compared with each other. */
  readonly #oracle: Oracle | null;
  #leader = 0;
  #index = 0;
  #term = 1;

  /** @param seed Of what the members do; what they are fed with comes from elsewhere. */
  constructor(sqlite: SqliteModule, seed: number, options: { readonly hasOracle: boolean }) {
    this.#sqlite = sqlite;
    this.#rng = seededRng(seed);
    this.#members = Array.from({ length: MEMBER_COUNT }, () => ({
      engine: this.#engineFrom(null),
      waiting: [],
    }));
    this.#oracle = options.hasOracle ? new Oracle(sqlite) : null;
  }

  catalogue(): Catalogue {
    return readCatalogue((sql) => this.#truth(sql));
  }

  /** The largest table, when it has more rows than comparing is worth. */
  tooLarge(catalogue: Catalogue, rowsMax: number): string | null {
    for (const { name } of catalogue.tables) {
      const sql = `SELECT count(*) FROM "${name.replaceAll('"', '""')}"`;
      if (Number(this.#truth(sql)[0]?.[0]) > rowsMax) return name;
    }
    return null;
  }

  /** Whether a table has the last rowid there is: SQLite draws the next ones by chance. */
  hasLastRowid(): boolean {
    return this.catalogue().tables.some(({ name, rowid }) => {
      if (rowid === null) return false;
      const sql = `SELECT max(${rowid}) = 9223372036854775807 FROM "${name.replaceAll('"', '""')}"`;
      return this.#truth(sql)[0]?.[0] === 1;
    });
  }

  /** Runs some transactions as one batch. @throws Difference */
  round(transactions: readonly Transaction[]): void {
    if (randomChance(this.#rng, 0.15)) this.#elect();
    const leader = this.#member(this.#leader);
    this.#catchUp(leader);
    const requests = transactions.map((statements) => request(statements));
    const outcomes = leader.engine.handle("capture", { requests });
    // Captured and never committed: the next one rolls it back.
    if (randomChance(this.#rng, 0.05)) {
      leader.engine.handle("query", { sql: "SELECT 1", params: [], rowsMax: 1 });
      this.#member(this.#leader).engine.handle("capture", { requests });
    }
    const payloads: Uint8Array[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const statements = transactions[i] ?? [];
      this.tally.statements += statements.length;
      if (!outcome.ok && isRefusal(outcome.error)) {
        this.tally.refused += 1;
        continue;
      }
      const expected = isTypeFirst(outcome)
        ? null
        : (this.#oracle?.run(statements, brokenKeyAt(outcome)) ?? null);
      if (expected !== null && outcome.ok !== expected.isDone) {
        const said = outcome.ok ? "done" : JSON.stringify(outcome.error);
        throw new Difference(
          `the leader: ${said}; plain SQL.js: ${expected.failure ?? "done"}\n${statements.join("\n")}`,
        );
      }
      this.tally[outcome.ok ? "done" : "failed"] += 1;
      if (!outcome.ok || outcome.value.type !== "captured") continue;
      if (expected !== null) compareResults(statements, outcome.value.results, expected.results);
      payloads.push(...outcome.value.payloads);
    }
    if (randomChance(this.#rng, 0.3)) rows(leader.engine, "SELECT 1");
    this.#commit(payloads);
  }

  /** Everybody catches up and is compared with plain SQL.js. @throws Difference */
  compare(): void {
    for (const member of this.#members) this.#catchUp(member);
    const { tables } = this.catalogue();
    const questions = [SCHEMA_SQL, ...tables.map(dumpSql)];
    const hasCounters = this.#truth("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'");
    if (hasCounters.length > 0) questions.push(COUNTERS_SQL);
    for (const sql of questions) {
      const expected = this.#truth(sql);
      for (const [i, { engine }] of this.#members.entries()) {
        const found = rows(engine, sql);
        if (isDeepStrictEqual(found, expected)) continue;
        throw new Difference(
          `member ${i}, ${sql}\n  holds    ${JSON.stringify(found)}\n  expected ${JSON.stringify(expected)}`,
        );
      }
    }
  }

  /** What each member keeps as checksums is what its rows come to, and the same everywhere. @throws Difference */
  verify(): void {
    const found = this.#members.map(({ engine }) => engine.handle("verify", {}));
    for (const each of found) {
      const isTrue =
        each.recomputed === each.position.checksum && isDeepStrictEqual(each, found[0]);
      if (!isTrue) throw new Difference(`checksums: ${JSON.stringify(found)}`);
    }
  }

  dispose(): void {
    for (const { engine } of this.#members) engine.dispose();
    this.#oracle?.connection.close();
  }

  /** What everybody must hold: asked of plain SQL.js, or of the leader where chance has a part. */
  #truth(sql: string): readonly (readonly JsonCell[])[] {
    const leader = this.#member(this.#leader);
    if (this.#oracle !== null) return readRows(this.#oracle.connection, sql);
    this.#catchUp(leader);
    return rows(leader.engine, sql);
  }

  #member(place: number): Member {
    const member = this.#members[place];
    if (member === undefined) throw new Error(`there is no member ${place}`);
    return member;
  }

  #elect(): void {
    this.#leader = randomBetween(this.#rng, 0, MEMBER_COUNT - 1);
    this.#term += 1;
    this.#commit([null]);
  }

  #commit(payloads: readonly (Uint8Array | null)[]): void {
    const entries = payloads.map((payload) => ({
      term: term(this.#term),
      index: logIndex(++this.#index),
      payload,
    }));
    for (const { waiting } of this.#members) waiting.push(...entries);
    for (const [place, member] of this.#members.entries()) {
      if (place === this.#leader || randomChance(this.#rng, 0.5)) this.#catchUp(member);
      if (place !== this.#leader && randomChance(this.#rng, 0.02)) this.#replace(place);
    }
  }

  #catchUp({ engine, waiting }: Member): void {
    while (waiting.length > 0) {
      const entries = waiting.splice(0, randomBetween(this.#rng, 1, 8));
      const outcome = engine.handle("apply", { entries });
      if (outcome.type !== "applied")
        throw new Difference(`not applied: ${JSON.stringify(outcome)}`);
    }
  }

  /** A member that starts again from another one's image, or from its own. */
  #replace(place: number): void {
    const source = this.#member(randomBetween(this.#rng, 0, MEMBER_COUNT - 1));
    const member = this.#member(place);
    const { image } = source.engine.handle("image", {});
    const waiting = [...source.waiting];
    member.engine.dispose();
    member.engine = this.#engineFrom(image);
    member.waiting = waiting;
  }

  #engineFrom(image: Uint8Array | null): StoreEngine {
    const engine = createStoreEngine(this.#sqlite);
    if (!engine.handle("load", { image }).ok) throw new Difference("an image could not be loaded");
    return engine;
  }
}

/**
 * What is refused and plain SQL.js would do. A foreign key to columns that are not unique is an error in SQLite too,
 * but not when a single row is inserted and nobody looks on.
 */
function isRefusal({ code, message }: StoreError): boolean {
  return code === "sql-refused" || message.startsWith("foreign key mismatch");
}

type OracleAnswer = {
  readonly isDone: boolean;
  readonly failure: string | null;
  /** The last rowid only of a statement that gave one: otherwise it is that of some earlier statement. */
  readonly results: readonly (Pick<StatementResult, "changes" | "rows"> & {
    readonly lastInsertRowid?: JsonCell;
  })[];
};

/** Plain SQL.js: the same statements in order, each transaction in a savepoint. */
class Oracle {
  readonly connection: Connection;

  constructor(sqlite: SqliteModule) {
    this.connection = new Connection(sqlite, null);
    this.connection.runOnce("PRAGMA foreign_keys = ON");
    this.connection.runOnce("PRAGMA recursive_triggers = ON");
  }

  /**
   * @param brokenAt The leader says that after this statement a row would refer to what is not there. SQLite itself does
   * not notice when a trigger deletes the parent in the middle of a REPLACE (seed 5042), and a later statement may
   * mend it (seed 101533): then the broken reference is looked for.
   */
  run(statements: Transaction, brokenAt: number | null): OracleAnswer {
    this.connection.runOnce("SAVEPOINT one");
    try {
      const results = statements.map((sql, i) => {
        const result = this.#runOne(sql);
        if (i === brokenAt) this.#checkKeys();
        return result;
      });
      if (brokenAt !== null) this.#checkKeys();
      this.connection.runOnce("RELEASE one");
      return { isDone: true, failure: null, results };
    } catch (thrown) {
      this.connection.runOnce("ROLLBACK TO one");
      this.connection.runOnce("RELEASE one");
      return { isDone: false, failure: String(thrown), results: [] };
    }
  }

  #checkKeys(): void {
    const broken = readRows(this.connection, "PRAGMA foreign_key_check");
    if (broken.length > 0) throw new Error("a reference is broken");
  }

  #runOne(sql: string): OracleAnswer["results"][number] {
    const found = readRows(this.connection, sql);
    const isChange = /^(?:INSERT|REPLACE|UPDATE|DELETE|WITH)/.test(sql);
    const changes = isChange ? this.connection.changes : 0;
    if (changes === 0 || !this.#givesRowid(sql)) return { changes, rows: found };
    const [last] = readRows(this.connection, "SELECT last_insert_rowid()");
    return { changes, rows: found, lastInsertRowid: last?.[0] ?? null };
  }

  /** An upsert may have updated only; tables without rowid and views give none. */
  #givesRowid(sql: string): boolean {
    const table = /^(?:INSERT|REPLACE).*? INTO ("(?:[^"]|"")*")(?!.* ON CONFLICT)/.exec(sql)?.[1];
    if (table === undefined) return false;
    const name = table.slice(1, -1).replaceAll('""', '"').replaceAll("'", "''");
    const listed = `SELECT 1 FROM pragma_table_list WHERE name = '${name}' AND type = 'table' AND NOT wr`;
    return readRows(this.connection, listed).length > 0;
  }
}

/**
 * Where a trigger looks on, SQLite judges the types of a STRICT table before it asks what IGNORE, of the statement or
 * of a rule of the table, leaves out; plain SQL.js may find first that the row breaks another rule. The leader's
 * refusal changes nothing.
 */
function isTypeFirst(outcome: CaptureOutcome): boolean {
  return !outcome.ok && outcome.error.message.startsWith("cannot store ");
}

/** After which statement the leader says that a reference is broken; null when it does not. */
function brokenKeyAt(outcome: CaptureOutcome): number | null {
  if (outcome.ok || !outcome.error.message.startsWith("FOREIGN KEY")) return null;
  return outcome.error.statement ?? Infinity;
}

function compareResults(
  statements: Transaction,
  found: readonly StatementResult[],
  expected: OracleAnswer["results"],
): void {
  for (const [i, sql] of statements.entries()) {
    const [ours, theirs] = [found[i], expected[i]];
    const isSame =
      ours?.changes === theirs?.changes &&
      isDeepStrictEqual(ours?.rows ?? [], theirs?.rows ?? []) &&
      (theirs?.lastInsertRowid === undefined ||
        isDeepStrictEqual(ours?.lastInsertRowid, theirs.lastInsertRowid));
    if (isSame) continue;
    throw new Difference(
      `${sql}\n  answered ${JSON.stringify(ours)}\n  expected ${JSON.stringify(theirs)}`,
    );
  }
}
