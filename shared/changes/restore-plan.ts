/**
 * What brings a former schema back: of a table that was dropped since, or of everything. Pure: it compares two
 * outlines and knows neither rows nor SQLite. The member that is asked shows the plan, and the leader makes it again
 * from what is there when it carries it out.
 */
import { err, ok, type Result } from "../base/result.ts";
import { quoteIdentifier } from "./identifiers.ts";
import type { TableCounter } from "./payload.ts";
import type { RowName } from "./row-name.ts";

/** Something of a schema that a person made. */
export type SchemaObject = {
  readonly type: "table" | "index" | "view" | "trigger";
  readonly name: string;
  /** The table or view it belongs to; its own name for those. */
  readonly table: string;
  readonly sql: string;
};

/** A table in short. */
export type TableOutline = {
  readonly name: string;
  /** Stored columns: generated ones are left out. */
  readonly columns: readonly string[];
  /** The rolling checksum of its rows. */
  readonly checksum: string;
};

/** A database without its rows. */
export type Outline = {
  /** In the order in which they were made. */
  readonly objects: readonly SchemaObject[];
  readonly tables: readonly TableOutline[];
  readonly counters: readonly TableCounter[];
};

/** What is brought back: everything (null), a table (no key), or a row of it. */
export type RestoreScope = RowName | null;

/** How it comes back. */
export type RestorePlan = {
  /** Run in order, before the rows are written. */
  readonly statements: readonly string[];
  /** Tables whose rows are brought back, by the names they had then. */
  readonly tables: readonly string[];
  /** What cannot come back, in words: columns that are gone, names that are taken. */
  readonly leftOut: readonly string[];
};

/** Compares; the error is a sentence. */
export function planRestore(
  then: Outline,
  now: Outline,
  scope: RestoreScope,
): Result<RestorePlan, string> {
  return scope === null ? ok(planEverything(then, now)) : planTable(then, now, scope);
}

function planTable(then: Outline, now: Outline, scope: RowName): Result<RestorePlan, string> {
  const former = findNamed(then.tables, scope.table);
  if (former === null) return err(`There was no table ${scope.table} then.`);
  const present = findNamed(now.tables, former.name);
  if (present !== null) {
    const kept = new Set(present.columns.map(fold));
    const gone = former.columns.filter((column) => !kept.has(fold(column)));
    const leftOut = gone.map((column) => `column ${column} of ${present.name}`);
    return ok({ statements: [], tables: [former.name], leftOut });
  }
  if (Object.keys(scope.key).length > 0) {
    return err(`Table ${former.name} is not there any more: bring the table back first.`);
  }
  const taken = new Set(now.objects.map(({ name }) => fold(name)));
  if (taken.has(fold(former.name))) return err(`The name ${former.name} belongs to a view now.`);
  const own = then.objects.filter(({ table }) => fold(table) === fold(former.name));
  const free = own.filter(({ name }) => !taken.has(fold(name)));
  const leftOut = own
    .filter((object) => !free.includes(object))
    .map(({ type, name }) => `${type} ${name}, whose name is taken`);
  return ok({ statements: inOrder(free), tables: [former.name], leftOut });
}

function planEverything(then: Outline, now: Outline): RestorePlan {
  const keyOf = ({ type, name, table, sql }: SchemaObject): string =>
    JSON.stringify([type, name, table, sql]);
  const [wanted, present] = [new Set(then.objects.map(keyOf)), new Set(now.objects.map(keyOf))];
  const isTableKept = (name: string): boolean =>
    now.objects.some(
      (each) => each.type === "table" && each.name === name && wanted.has(keyOf(each)),
    );
  // A table takes its indexes and triggers with it, and what was made for it then comes back with it.
  const isKept = (object: SchemaObject): boolean =>
    present.has(keyOf(object)) && (isOfView(then, object) || isTableKept(object.table));
  const gone = now.objects.filter((object) => !wanted.has(keyOf(object)) || !isKept(object));
  const drops = gone
    .filter(
      (object) => object.type === "table" || isOfView(now, object) || isTableKept(object.table),
    )
    .sort((a, b) => DROP_ORDER.indexOf(a.type) - DROP_ORDER.indexOf(b.type))
    .map(({ type, name }) => `DROP ${type.toUpperCase()} ${quoteIdentifier(name)}`);
  const isSame = (table: TableOutline): boolean =>
    isTableKept(table.name) &&
    now.tables.some(({ name, checksum }) => name === table.name && checksum === table.checksum);
  return {
    statements: [...drops, ...inOrder(then.objects.filter((object) => !isKept(object)))],
    tables: then.tables.filter((table) => !isSame(table)).map(({ name }) => name),
    leftOut: [],
  };
}

const DROP_ORDER: readonly SchemaObject["type"][] = ["trigger", "view", "index", "table"];
/** A trigger may belong to a view. */
const MAKE_ORDER: readonly SchemaObject["type"][] = ["table", "index", "view", "trigger"];

function inOrder(objects: readonly SchemaObject[]): string[] {
  const sorted = [...objects].sort(
    (a, b) => MAKE_ORDER.indexOf(a.type) - MAKE_ORDER.indexOf(b.type),
  );
  return sorted.map(({ sql }) => sql);
}

/** A view, or a trigger of one: no table takes it with it. */
function isOfView({ objects }: Outline, { table }: SchemaObject): boolean {
  return objects.some((each) => each.type === "view" && each.name === table);
}

function findNamed<T extends { readonly name: string }>(all: readonly T[], name: string): T | null {
  const exact = all.find((each) => each.name === name);
  return exact ?? all.find((each) => fold(each.name) === fold(name)) ?? null;
}

/** As SQLite compares names. */
function fold(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
