/** Former states brought back: of everything, of a table, of a row, against states that were written down. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { randomBetween, randomPick, seededRng } from "../../shared/base/rng.ts";
import { ok } from "../../shared/base/result.ts";
import type { RowName } from "../../shared/changes/row-name.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { KEYED_SCHEMA, keyedStatement, sorted, stateOf, type State } from "./keyed-rows.ts";
import { request, StoreGroup } from "./store-fixture.ts";

const SEEDS = [1, 2, 3];
/** `RESTORES=10000` tries so many. */
const RESTORE_COUNT = Number(process.env["RESTORES"] ?? 90) / SEEDS.length;
const TRANSACTIONS_BETWEEN = 12;

let sqlite: SqliteModule;
let group: StoreGroup;
/** All transactions, the oldest first. */
let log: Uint8Array[];

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

beforeEach(() => {
  group = new StoreGroup(sqlite, 2);
  log = [];
});

afterEach(() => {
  group.verify();
  group.dispose();
});

function commit(...statements: string[]): number {
  const [outcome] = group.capture(request(statements));
  if (outcome?.ok !== true || outcome.value.type !== "captured") return log.length;
  group.apply(group.entries(outcome.value.payloads));
  log.push(...outcome.value.payloads);
  return log.length;
}

/** The ways back over what came after `to`, in stretches as an agent reads them. */
function waysBack(to: number, row: RowName | null, stretch = 5) {
  const inverses: Uint8Array[] = [];
  let name = row;
  for (let end = log.length; end > to;) {
    const start = Math.max(to, end - stretch);
    const found = group.leader.handle("wayBack", { payloads: log.slice(start, end), row: name });
    if (!found.ok) throw new Error(found.error.message);
    if (found.value.type !== "inverse") throw new Error("the schema was changed");
    if (found.value.inverse !== null) inverses.push(found.value.inverse);
    name = found.value.row;
    end = start;
  }
  return inverses;
}

function restore(to: number, row: RowName | null = null): void {
  const work = { type: "restore", inverses: waysBack(to, row) } as const;
  const preview = group.leader.handle("preview", { work, rowsMax: 1_000 });
  const [outcome] = group.capture(request([], { work }));
  if (outcome?.ok !== true) throw new Error(JSON.stringify(outcome?.error));
  if (outcome.value.type !== "captured") throw new Error("a duplicate");
  const { results, payloads } = outcome.value;
  expect(preview).toMatchObject({ ok: true, value: { rowCount: results[0]?.changes } });
  group.apply(group.entries(payloads));
  log.push(...payloads);
}

function only(state: State, prefix: string): (readonly [string, string])[] {
  return sorted(state).filter(([key]) => key.startsWith(prefix));
}

describe("restoring", () => {
  it.each(SEEDS)("gives back what was written down, seed %i", (seed) => {
    const rng = seededRng(seed);
    commit(...KEYED_SCHEMA);
    const states: State[] = [new Map(), stateOf(group)];
    for (let i = 0; i < RESTORE_COUNT; i++) {
      for (let made = 0; made < TRANSACTIONS_BETWEEN; made++) {
        const count = randomBetween(rng, 1, 4);
        commit(...Array.from({ length: count }, () => keyedStatement(rng)));
        states[log.length] = stateOf(group);
      }
      const to = randomBetween(rng, Math.max(1, log.length - 40), log.length);
      const before = stateOf(group);
      const wanted = states[to] ?? new Map<string, string>();
      const table = randomPick(rng, [null, "t", "u"]);
      restore(to, table === null ? null : { table, key: {} });
      const after = stateOf(group);
      if (table === null) expect(sorted(after)).toEqual(sorted(wanted));
      else {
        expect(only(after, table)).toEqual(only(wanted, table));
        const other = table === "t" ? "u" : "t";
        expect(only(after, other)).toEqual(only(before, other));
        expect(only(after, "audit")).toEqual(only(before, "audit"));
      }
      states[log.length] = after;
    }
  });

  it("brings one row back, whatever it was called since, and leaves the others", () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    const to = commit("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    commit("UPDATE t SET a = 'later'");
    commit("UPDATE t SET id = 7 WHERE id = 1");
    commit("UPDATE t SET a = 'last'");
    restore(to, { table: "t", key: { id: 7 } });
    expect(group.query("SELECT * FROM t")).toEqual([
      [1, "a"],
      [2, "last"],
    ]);
    const gone = commit("DELETE FROM t");
    restore(gone - 1, { table: "t", key: { id: 2 } });
    expect(group.query("SELECT * FROM t")).toEqual([[2, "last"]]);
  });

  it("reaches back over indexes, views and triggers, but not over a change of a table itself", () => {
    const made = commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)", "CREATE TABLE u (b)");
    commit("INSERT INTO t VALUES (1, 'a')");
    commit(
      "CREATE INDEX i ON t(a)",
      "CREATE VIEW v AS SELECT a FROM t",
      "INSERT INTO u VALUES (1)",
    );
    commit("ALTER TABLE u ADD COLUMN c");
    restore(made, { table: "t", key: {} });
    expect(group.query("SELECT count(*) FROM t")).toEqual([[0]]);
    const all = { payloads: log.slice(made), row: null };
    expect(group.leader.handle("wayBack", all)).toEqual(ok({ type: "schema-changed" }));
    commit("; ALTER TABLE t ADD COLUMN c");
    const hidden = { payloads: log.slice(-1), row: { table: "t", key: {} } };
    expect(group.leader.handle("wayBack", hidden)).toEqual(ok({ type: "schema-changed" }));
    const changed = { payloads: log.slice(made), row: { table: "U", key: {} } };
    expect(group.leader.handle("wayBack", changed)).toEqual(ok({ type: "schema-changed" }));
  });

  it("has nothing to do when nothing was changed", () => {
    const made = commit("CREATE TABLE t (a)", "CREATE TABLE u (a)");
    commit("INSERT INTO u VALUES (1)");
    expect(waysBack(made, { table: "t", key: {} })).toEqual([]);
  });
});
