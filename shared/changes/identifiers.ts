/** A name as SQL takes it, whatever it contains; double quotes inside are doubled. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Prefix of Tidemark's own tables; user SQL may not name anything that starts with it. */
export const RESERVED_PREFIX = "_tidemark_";

/** Whether a table belongs to Tidemark or to SQLite itself, in any case of letters. */
export function isReservedName(name: string): boolean {
  const lower = name.toLowerCase();
  return lower.startsWith(RESERVED_PREFIX) || lower.startsWith("sqlite_");
}

/** A table of exported SQLite files: where they stand. It is no data, and not imported. */
export const AS_OF_TABLE = "tidemark_as_of";
