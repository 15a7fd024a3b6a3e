/** A backup is the database of one position and says so; what is not as it was made is found out. */
import { beforeAll, describe, expect, it } from "vitest";
import { createStoreEngine, type StoreEngine } from "../../electron/store-worker/engine.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { rows, StoreGroup } from "./store-fixture.ts";

const SCHEMA = [
  "CREATE TABLE people(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, at REAL)",
  "CREATE TABLE visits(person INTEGER REFERENCES people(id) ON DELETE CASCADE, day, note BLOB)",
  "CREATE TABLE codes(code TEXT PRIMARY KEY, n INT) WITHOUT ROWID",
  "CREATE INDEX by_day ON visits(day)",
  "CREATE VIEW names AS SELECT name FROM people",
  "CREATE TRIGGER seen AFTER INSERT ON visits BEGIN UPDATE people SET at = at + 1 WHERE id = new.person; END",
];

let sqlite: SqliteModule;
beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

function filled(): StoreGroup {
  const group = new StoreGroup(sqlite, 1);
  group.execute(...SCHEMA);
  group.execute(
    "INSERT INTO people(name, at) VALUES ('Ada', -0.0), ('B\u{1f600}', 1e308), (NULL, 1)",
  );
  group.execute("INSERT INTO visits VALUES (1, 9007199254740993, x'00ff'), (2, 'Mon', NULL)");
  group.execute("INSERT INTO codes VALUES ('a', 1), ('b', 2)", "DELETE FROM people WHERE id = 3");
  return group;
}

/** Made in one scratch store and read in another, in pieces, as the agent does. */
function carried(
  group: StoreGroup,
  spoil: (bytes: Uint8Array) => void = () => undefined,
): StoreEngine {
  const { image } = group.leader.handle("image", {});
  const maker = createStoreEngine(sqlite);
  const { sizeBytes } = maker.handle("packBackup", { image, marks: { workspace: "Clinic" } });
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 5000) {
    bytes.set(maker.handle("backupPiece", { at, countMax: 5000 }), at);
  }
  maker.dispose();
  spoil(bytes);
  const reader = createStoreEngine(sqlite);
  for (let at = 0; at < sizeBytes; at += 4096) {
    reader.handle("putBackup", { sizeBytes, at, bytes: bytes.slice(at, at + 4096) });
  }
  return reader;
}

describe("a backup file", () => {
  it("holds what people made, its position and the checksum of then, and recomputes to it", () => {
    const group = filled();
    const { position } = group.leader.handle("verify", {});
    const reader = carried(group);
    const opened = reader.handle("openBackup", {});
    if (!opened.ok) throw new Error(opened.error);
    expect(opened.value.position).toEqual(position.applied);
    expect(opened.value.checksum).toBe(position.checksum);
    expect(opened.value.recomputed).toBe(position.checksum);
    expect(opened.value.marks).toMatchObject({ workspace: "Clinic" });
    for (const table of ["people", "visits", "codes", "names", "sqlite_sequence"]) {
      const sql = `SELECT * FROM ${table}`;
      expect(rows(reader, sql)).toEqual(rows(group.leader, sql));
    }
  });

  it("carries nothing of Tidemark but the table that says what it is", () => {
    const group = filled();
    const secret = "c2VjcmV0IG9mIGFuIGludml0YXRpb24";
    group.commit({
      work: {
        type: "statements",
        statements: [
          { sql: `INSERT INTO _tidemark_invites VALUES ('i', '${secret}', 'voter', 1, NULL)` },
        ],
      },
      ...{ client: null, author: "ada", atMs: 0, isInternal: true },
    });
    let text = "";
    const reader = carried(group, (bytes) => (text = Buffer.from(bytes).toString("latin1")));
    const opened = reader.handle("openBackup", {});
    expect(opened.ok && opened.value.recomputed === opened.value.checksum).toBe(true);
    expect(text).not.toContain(secret);
    const names = [...text.matchAll(/_tidemark_[a-z]+/g)].map(([name]) => name);
    expect(new Set(names)).toEqual(new Set(["_tidemark_backup"]));
  });

  it("with one value changed recomputes to something else", () => {
    const group = filled();
    group.execute("INSERT INTO visits VALUES (1, 'Tue', 'a note')");
    const reader = carried(group, (bytes) => {
      bytes[Buffer.from(bytes).indexOf("a note")] = "o".charCodeAt(0);
    });
    const opened = reader.handle("openBackup", {});
    if (!opened.ok) throw new Error(opened.error);
    expect(opened.value.recomputed).not.toBe(opened.value.checksum);
  });

  it.each([
    ["cut short", (bytes: Uint8Array) => void bytes.fill(0, bytes.length >> 1)],
    ["with a page of noise", (bytes: Uint8Array) => void bytes.fill(0x5a, 4096 * 2, 4096 * 3)],
    ["that is none", (bytes: Uint8Array) => void bytes.fill(1)],
    ["of no bytes", (bytes: Uint8Array) => void bytes.fill(0)],
  ])("%s is refused with a reason", (_name, spoil) => {
    const opened = carried(filled(), spoil).handle("openBackup", {});
    expect(opened.ok).toBe(false);
    if (!opened.ok) expect(opened.error.length).toBeGreaterThan(10);
  });

  it("becomes the first state of a new workspace, which goes on from there", () => {
    const group = filled();
    const reader = carried(group);
    reader.handle("openBackup", {});
    const { image, position } = reader.handle("foundImage", {});
    const next = new StoreGroup(sqlite, 2);
    for (const engine of next.engines) {
      expect(engine.handle("load", { image })).toEqual({ ok: true, value: position });
    }
    next.index = position.applied.index;
    next.verify();
    expect(next.query("SELECT * FROM people")).toEqual(group.query("SELECT * FROM people"));
    next.execute("INSERT INTO people(name, at) VALUES ('Next', 0)");
    expect(next.query("SELECT id FROM people WHERE name = 'Next'")).toEqual([[4]]);
    next.verify();
  });
});
