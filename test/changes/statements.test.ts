/**
 * The window's SQL against a real store, with names and texts chosen to break bad quoting.
 * Knows nothing of the window.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  addColumn,
  countRows,
  createTable,
  deleteRows,
  insertRow,
  rowName,
  selectPage,
  updateCell,
  type GridView,
} from "../../shared/api/statements.ts";
import type { SqlStatement } from "../../shared/changes/values.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { StoreGroup } from "../store/store-fixture.ts";

const NAME = 'odd "table" %';
const VIEW: GridView = {
  table: NAME,
  columns: ["id", "full name", "age"],
  hasRowid: true,
  filterText: "",
  columnFilters: {},
  sort: [],
};

let sqlite: SqliteModule;
let group: StoreGroup;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});
beforeEach(() => {
  group = new StoreGroup(sqlite, 1);
  group.execute(
    createTable(NAME, [
      { name: "full name", type: "TEXT", isRequired: true },
      { name: "age", type: "INTEGER", isRequired: false },
    ]),
    insertRow(NAME, { "full name": "Ada 100%", age: 36 }),
    insertRow(NAME, { "full name": "Bob_1", age: null }),
    insertRow(NAME, { "full name": "Cy", age: 9 }),
  );
});
afterEach(() => {
  group.dispose();
});

function names(view: Partial<GridView>): unknown[] {
  const { sql, params } = selectPage({ ...VIEW, ...view }, { offset: 0, limit: 10 });
  const found = group.query(sql, params ?? []).map((row) => row[2]);
  const counted = countRows({ ...VIEW, ...view });
  expect(group.query(counted.sql, counted.params ?? [])).toEqual([[found.length]]);
  return found;
}

describe("a grid's page", () => {
  test("starts with the rowid, and is cut by offset and limit", () => {
    const { sql, params } = selectPage(VIEW, { offset: 1, limit: 1 });
    expect(group.query(sql, params ?? [])).toEqual([[2, 2, "Bob_1", null]]);
  });

  test("is filtered by plain text: % and _ mean themselves", () => {
    expect(names({ filterText: "%" })).toEqual(["Ada 100%"]);
    expect(names({ filterText: "_" })).toEqual(["Bob_1"]);
    expect(names({ filterText: "a" })).toEqual(["Ada 100%"]);
    expect(names({ columnFilters: { age: "=9" } })).toEqual(["Cy"]);
    expect(names({ columnFilters: { age: "=" } })).toEqual(["Bob_1"]);
    expect(names({ columnFilters: { age: "3", "full name": "" } })).toEqual(["Ada 100%"]);
  });

  test("is sorted by several columns", () => {
    const sort = [{ column: "age", direction: "descending" as const }];
    expect(names({ sort })).toEqual(["Ada 100%", "Cy", "Bob_1"]);
  });
});

describe("an edit", () => {
  const edit = { table: NAME, column: "age", oldValue: 36, newValue: 37 };

  function changes(statement: SqlStatement): number {
    return group.execute(statement)[0]?.changes ?? -1;
  }

  test("changes a cell once: the second one sees that somebody was faster", () => {
    const row = rowName(VIEW, [], [1, 1, "Ada 100%", 36]);
    expect(changes(updateCell({ ...edit, row }))).toBe(1);
    expect(changes(updateCell({ ...edit, row }))).toBe(0);
    expect(changes(updateCell({ ...edit, row: { key: { id: 2 } }, oldValue: null }))).toBe(1);
  });

  test("deletes exactly the named rows", () => {
    group.execute(...deleteRows(NAME, [{ rowid: 1 }, { key: { id: 3 } }]));
    expect(names({})).toEqual(["Bob_1"]);
  });

  test("adds columns, required ones too, and rows of defaults", () => {
    group.execute(
      addColumn(NAME, { name: "paid", type: "REAL", isRequired: true }),
      addColumn(NAME, { name: "note", type: "TEXT", isRequired: true }),
      createTable("own id", [{ name: "ID", type: "TEXT", isRequired: false }]),
      insertRow("own id", {}),
    );
    expect(group.query(`SELECT DISTINCT paid, note FROM "odd ""table"" %"`)).toEqual([
      [{ $real: "0" }, ""],
    ]);
  });
});
