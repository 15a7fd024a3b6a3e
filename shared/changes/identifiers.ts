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

/** A table of exported SQLite files: where they stand. No user can have one of this name. */
export const AS_OF_TABLE = `${RESERVED_PREFIX}as_of`;

/** A table of backups: what they are. */
export const BACKUP_TABLE = `${RESERVED_PREFIX}backup`;

/** What Tidemark's files say of themselves is no data, and not imported. */
export function isMarkTable(name: string): boolean {
  return name === AS_OF_TABLE || name === BACKUP_TABLE;
}
