import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../electron/agent/ports.ts";
import { Past } from "../../electron/agent/replica/past.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import type { LogEntry, LogView } from "../../shared/raft/types.ts";
import { request, StoreGroup } from "../store/store-fixture.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

let sqlite: SqliteModule;
let group: StoreGroup;
let entries: LogEntry[];
let firstIndex: number;
let clock: VirtualClock;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

beforeEach(() => {
  group = new StoreGroup(sqlite, 1);
  entries = [];
  firstIndex = 1;
  clock = new VirtualClock();
});

afterEach(() => group.dispose());

/** A log in memory that begins at `firstIndex`. */
const log: LogView = {
  get firstIndex() {
    return logIndex(firstIndex);
  },
  get lastIndex() {
    return logIndex(entries.length);
  },
  termAt: (index) => entries[index - 1]?.term ?? null,
  entriesFrom: (from, bytesMax) => {
    const found: LogEntry[] = [];
    let left = bytesMax;
    for (const entry of entries.slice(from - 1)) {
      left -= entry.payload.length;
      if (left < 0 && found.length > 0) break;
      found.push(entry);
    }
    return found;
  },
};

function past(): Past {
  const store = {
    call: (method: never, params: never) => Promise.resolve(group.leader.handle(method, params)),
  };
  const appliedIndex = () => logIndex(entries.length);
  return new Past({ log, store: store as unknown as Store, clock, appliedIndex });
}

function add(payload: Uint8Array | null, atTerm = 1): void {
  const kind = payload === null ? "noop" : "data";
  const index = logIndex(entries.length + 1);
  entries.push({ term: term(atTerm), index, kind, payload: payload ?? new Uint8Array(0) });
}

/** Carries out a transaction and logs it. @returns how many entries it took. */
function commit(...statements: string[]): number {
  const [outcome] = group.capture(request(statements));
  if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("not captured");
  group.apply(group.entries(outcome.value.payloads));
  for (const payload of outcome.value.payloads) add(payload);
  return outcome.value.payloads.length;
}

/** Pauses end only when somebody lets time go on. */
async function answered<T>(asked: Promise<T>): Promise<T> {
  let isOver = false;
  void asked.finally(() => (isOver = true));
  while (!isOver) {
    await Promise.resolve();
    if (clock.pendingCount > 0) clock.runNext();
  }
  return asked;
}

async function versions(key: Record<string, number>, countMax = 50, beforeIndex = Infinity) {
  const found = await answered(past().versionsOf({ table: "t", key }, { beforeIndex, countMax }));
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
}

describe("a row's past", () => {
  it("is told newest first, through changed keys, deletion and second lives", async () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    commit("INSERT INTO t VALUES (1, 'a'), (2, 'other')");
    add(null, 2);
    commit("UPDATE t SET a = 'b' WHERE id = 1");
    commit("UPDATE t SET id = 7 WHERE id = 1");
    commit("DELETE FROM t WHERE id = 7", "INSERT INTO t VALUES (7, 'again')");
    const { versions: found, next } = await versions({ id: 7 });
    expect(next).toBeNull();
    expect(found.map(({ index, change }) => [index, change.operation, change.after?.[1]])).toEqual([
      [6, "insert", "again"],
      [6, "delete", undefined],
      [5, "update", "b"],
      [4, "update", "b"],
      [2, "insert", "a"],
    ]);
    // Who asks for the former name learns that it was given away.
    const former = await versions({ id: 1 });
    expect(former.versions.map(({ index }) => index)).toEqual([5, 4, 2]);
  });

  it("is the same however many entries lie between, and can be asked for in parts", async () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    const expected: number[] = [];
    for (let i = 0; i < 700; i++) {
      const id = i % 50 === 0 ? 1 : i + 1_000;
      commit(`INSERT OR REPLACE INTO t VALUES (${id}, ${i})`);
      if (id === 1) expected.unshift(entries.length);
    }
    const all = await versions({ id: 1 }, 1_000);
    const changed = (list: typeof all.versions) => [...new Set(list.map(({ index }) => index))];
    expect(changed(all.versions)).toEqual(expected);
    const first = await versions({ id: 1 }, 3);
    expect(first.next).not.toBeNull();
    const rest = await versions({ id: 1 }, 1_000, first.next?.beforeIndex);
    expect(changed([...first.versions, ...rest.versions])).toEqual(expected);
  });

  it("is that of a whole table without a key, and ends where the kept log begins", async () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    for (let i = 1; i <= 5; i++) commit(`INSERT INTO t VALUES (${i}, ${i})`);
    firstIndex = 4;
    const { versions: found, next } = await versions({});
    expect(found.map(({ index }) => index)).toEqual([6, 5, 4]);
    expect(next).toBeNull();
  });
});

describe("the list of transactions", () => {
  async function list(beforeIndex = Infinity, countMax = 50) {
    const found = await answered(past().transactionsBefore(beforeIndex, countMax));
    if (!found.ok) throw new Error(found.error.message);
    return found.value;
  }

  it("tells the newest first what each did, without the core's own entries", async () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    add(null, 2);
    commit("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    commit("UPDATE t SET a = 'c' WHERE id = 1", "DELETE FROM t WHERE id = 2", "DROP TABLE t");
    const { transactions, next } = await list();
    expect(next).toBeNull();
    expect(transactions.map(({ index, tables }) => [index, tables])).toEqual([
      [4, [{ table: "t", inserted: 0, updated: 1, deleted: 1 }]],
      [3, [{ table: "t", inserted: 2, updated: 0, deleted: 0 }]],
      [1, []],
    ]);
    expect(transactions[0]?.schemaChanges).toEqual(["DROP TABLE t"]);
    expect(transactions[1]).toMatchObject({ author: "ada", at: "2023-11-14T22:13:20.000Z" });
  });

  it("comes in parts of any size, each transaction once, large ones at their last part", async () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    const expected = [entries.length];
    for (let i = 0; i < 230; i++) {
      const value = i % 60 === 59 ? "randomblob(2500000)" : `'${i}'`;
      commit(`INSERT INTO t VALUES (${i}, ${value})`);
      expected.unshift(entries.length);
      if (i % 7 === 0) add(null);
    }
    for (const countMax of [1, 7, 500]) {
      const seen: number[] = [];
      let next: number | null = Infinity;
      while (next !== null) {
        const page: Awaited<ReturnType<typeof list>> = await list(next, countMax);
        expect(page.transactions.length).toBeLessThanOrEqual(countMax);
        seen.push(...page.transactions.map(({ index }) => index));
        ({ next } = page);
      }
      expect(seen).toEqual(expected);
    }
  });

  it("ends where the kept log begins", async () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    for (let i = 1; i <= 5; i++) commit(`INSERT INTO t VALUES (${i}, ${i})`);
    firstIndex = 4;
    expect((await list()).transactions.map(({ index }) => index)).toEqual([6, 5, 4]);
  });
});

describe("a transaction", () => {
  it("in parts is found by each of them, and stands where its last one does", async () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    for (let i = 0; i < 300; i++) commit(`INSERT INTO t VALUES (${i}, 'small')`);
    const before = entries.length;
    const partCount = commit("INSERT INTO t VALUES (1000, randomblob(3000000))");
    expect(partCount).toBeGreaterThan(2);
    for (let i = 0; i < 300; i++) commit(`UPDATE t SET a = ${i} WHERE id = ${i}`);
    for (let part = 1; part <= partCount; part++) {
      const found = past().transactionAt(before + part);
      expect(found).toMatchObject({ ok: true, value: { position: { index: before + partCount } } });
    }
    const { versions: found } = await versions({ id: 1_000 });
    expect(found.map(({ index }) => index)).toEqual([before + partCount]);
    firstIndex = before + 2;
    expect(past().transactionAt(before + partCount)).toMatchObject({
      error: { code: "not-found" },
    });
    expect((await versions({ id: 1_000 })).versions).toEqual([]);
  });

  it("whose end never came did not happen", async () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    const [outcome] = group.capture(request(["INSERT INTO t VALUES (1, randomblob(2000000))"]));
    if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("not captured");
    for (const payload of outcome.value.payloads.slice(0, -1)) add(payload);
    add(null, 2);
    expect(past().transactionAt(2)).toMatchObject({ error: { code: "not-found" } });
    expect((await versions({ id: 1 })).versions).toEqual([]);
  });

  it("that is no transaction, not applied or not kept says so", () => {
    commit("CREATE TABLE t (a)");
    add(null);
    firstIndex = 2;
    for (const index of [0, 1, 2, 3]) {
      expect(past().transactionAt(index)).toMatchObject({ error: { code: "not-found" } });
    }
  });
});
