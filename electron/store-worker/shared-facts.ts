import type { TableLayout } from "./table-layout.ts";

/**
 * What all engines on one SQLite instance share: facts that follow from SQL text alone, so that
 * no engine can tell whether another one was there before it. A simulation makes a hundred
 * engines a second; a real store is the only one of its process.
 */
export class SharedFacts {
  /** By the SQL that made the table; null for what is no ordinary table. */
  readonly layouts = new Map<string, TableLayout | null>();
  /** A database with Tidemark's own tables and nothing else; null until one was made. */
  emptyImage: Uint8Array | null = null;
}
