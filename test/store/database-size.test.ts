/** The database stays within its limit, and comes back below it. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createStoreEngine, type StoreEngine } from "../../electron/store-worker/engine.ts";
import type { CaptureOutcome } from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { request, rows } from "./store-fixture.ts";

const MIB = 1024 * 1024;
const LETTERS = "INSERT INTO letters(text) SELECT hex(randomblob(?)) FROM generate";

let sqlite: SqliteModule;
let engine: StoreEngine;
let index = 0;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

beforeEach(() => {
  index = 0;
  engine = createStoreEngine(sqlite, MIB);
  engine.handle("load", { image: null });
  run("CREATE TABLE letters (id INTEGER PRIMARY KEY, text TEXT)");
  run(
    "CREATE VIEW generate AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i FROM n",
  );
});

afterEach(() => engine.dispose());

function attempt(sql: string, params: readonly number[] = [], isInternal = false): CaptureOutcome {
  const [outcome] = engine.handle("capture", {
    requests: [request([{ sql, params }], { isInternal })],
  });
  if (outcome === undefined) throw new Error("no outcome");
  if (outcome.ok && outcome.value.type === "captured") {
    const entries = outcome.value.payloads.map((payload) => {
      return { term: term(1), index: logIndex(++index), payload };
    });
    expect(engine.handle("apply", { entries })).toMatchObject({ type: "applied" });
  }
  return outcome;
}

function run(sql: string, params: readonly number[] = []): void {
  expect(attempt(sql, params)).toMatchObject({ ok: true });
}

/** 100 letters of 2,000 characters at a time, until it is refused. */
function fill(): CaptureOutcome {
  for (;;) {
    const outcome = attempt(LETTERS, [1_000]);
    if (!outcome.ok) return outcome;
  }
}

function count(): unknown {
  return rows(engine, "SELECT count(*) FROM letters")[0]?.[0];
}

describe("a database at its limit", () => {
  it("takes no more rows, says how large it would be, and is as it was", () => {
    const refused = fill();
    const [before, bytes] = [count(), engine.handle("image", {}).image.length];
    expect(refused).toMatchObject({
      ok: false,
      error: { code: "too-large" },
    });
    expect(refused.ok ? "" : refused.error.message).toMatch(/would have 2 MiB; it may have 1 MiB/);
    expect(attempt(LETTERS, [1_000]).ok).toBe(false);
    expect(count()).toBe(before);
    expect(bytes).toBeLessThanOrEqual(MIB);
    expect(bytes).toBeGreaterThan(0.7 * MIB);
  });

  it("takes no index or copy of a table either, though next to nothing is logged for one", () => {
    fill();
    const index = attempt("CREATE INDEX by_text ON letters(text)");
    expect(index).toMatchObject({ ok: false, error: { code: "too-large" } });
    expect(attempt("CREATE TABLE copy AS SELECT * FROM letters").ok).toBe(false);
    expect(rows(engine, "SELECT name FROM sqlite_schema WHERE name LIKE 'by_%'")).toEqual([]);
  });

  it("lets rows go, and takes others in their place", () => {
    fill();
    run("DELETE FROM letters WHERE id % 2 = 0");
    run("DELETE FROM letters WHERE id < 200");
    run(LETTERS, [500]);
  });

  it("goes on with Tidemark's own notes, and with edits that need no room", () => {
    fill();
    run("UPDATE letters SET text = upper(text) WHERE id = 1");
    const own =
      "INSERT OR REPLACE INTO _tidemark_settings(key, value) VALUES ('x', hex(randomblob(?)))";
    expect(attempt(own, [200_000], true).ok).toBe(true);
  });

  it("applies what a leader with another limit has taken", () => {
    const leader = createStoreEngine(sqlite, 4 * MIB);
    leader.handle("load", { image: engine.handle("image", {}).image });
    for (let i = 0; i < 10; i++) {
      const asked = request([{ sql: LETTERS, params: [1_000] }]);
      const [outcome] = leader.handle("capture", { requests: [asked] });
      if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("refused");
      const entries = outcome.value.payloads.map((payload) => {
        return { term: term(1), index: logIndex(++index), payload };
      });
      for (const each of [leader, engine]) {
        expect(each.handle("apply", { entries })).toMatchObject({ type: "applied" });
      }
    }
    expect(count()).toBe(1_000);
    run("DELETE FROM letters WHERE id > 900");
    expect(attempt(LETTERS, [10_000]).ok).toBe(false);
    leader.dispose();
  });
});
