/**
 * Which tables a statement can change: those it names, and what hangs on them by triggers and by actions of
 * foreign keys. Recording triggers are made for these only, because making them for thousands of tables
 * after each schema change would take minutes.
 *
 * Errs on the side of too many: any name in a statement or in a trigger counts, whatever it is there for. SQLite
 * changes no table that is not named in one of them, or tied to one by a key.
 */
import { namesIn } from "./tokens.ts";
import type { TableLayout, UserTrigger } from "./table-layout.ts";

/** Of one schema. Names are compared in lower case, as SQLite does, and beyond ASCII too. */
export class Reach {
  readonly #tables = new Map<string, TableLayout>();
  /** By parent. */
  readonly #followers = new Map<string, string[]>();
  readonly #triggers = new Map<string, readonly UserTrigger[]>();
  /** Whether a trigger may change the AUTOINCREMENT counters themselves. */
  readonly isOnCounters: boolean;
  readonly #known = new Map<string, readonly TableLayout[]>();

  /** @param triggers By the table or view that they are for. */
  constructor(
    tables: readonly TableLayout[],
    triggers: ReadonlyMap<string, readonly UserTrigger[]>,
  ) {
    for (const layout of tables) {
      const name = layout.shape.name.toLowerCase();
      this.#tables.set(name, layout);
      for (const parent of layout.followedTables) {
        const others = this.#followers.get(parent) ?? [];
        this.#followers.set(parent, [...others, name]);
      }
    }
    for (const [name, own] of triggers) this.#triggers.set(name.toLowerCase(), own);
    const all = [...this.#triggers.values()].flat();
    this.isOnCounters = all.some(({ sql }) => sql.toLowerCase().includes("sqlite_sequence"));
  }

  /** Whether any table follows another one by actions of foreign keys. */
  get hasFollowers(): boolean {
    return this.#followers.size > 0;
  }

  /** Whether tables follow this one. */
  isFollowed(layout: TableLayout): boolean {
    return this.#followers.has(layout.shape.name.toLowerCase());
  }

  /** The tables that a change of a table or view can change. @param name In any case of letters. */
  from(name: string): readonly TableLayout[] {
    const start = name.toLowerCase();
    const known = this.#known.get(start);
    if (known !== undefined) return known;
    const names = new Set([start]);
    // A set goes on with what is added to it meanwhile.
    for (const each of names) {
      for (const follower of this.#followers.get(each) ?? []) names.add(follower);
      for (const { sql } of this.#triggers.get(each) ?? []) {
        for (const named of namesIn(sql)) {
          if (this.#tables.has(named) || this.#triggers.has(named)) names.add(named);
        }
      }
    }
    const found = [...names].flatMap((each) => this.#tables.get(each) ?? []);
    if (found.length > 0 || this.#triggers.has(start)) this.#known.set(start, found);
    return found;
  }
}
