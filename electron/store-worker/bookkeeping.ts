/**
 * Tidemark's own tables: where the database stands, checksums, answers kept for retries, parts
 * of a transaction that is not complete yet. They travel inside the image, so a member that
 * starts from a snapshot knows all of it.
 */
import { logIndex, POSITION_ZERO, term, type Position } from "../../shared/base/ids.ts";
import { concatBytes, utf8Decode } from "../../shared/base/bytes.ts";
import { defined } from "../../shared/base/assert.ts";
import type { StatementResult } from "../../shared/api/methods.ts";
import {
  addChecksums,
  CHECKSUM_ZERO,
  formatChecksum,
  parseChecksum,
  type Checksum,
} from "../../shared/changes/checksum.ts";
import type { TransactionHeader } from "../../shared/changes/payload.ts";
import type { PayloadPart } from "../../shared/changes/parts.ts";
import type { Connection } from "./connection.ts";

const TABLES = [
  `CREATE TABLE _tidemark_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE _tidemark_clients(client TEXT PRIMARY KEY, sequence INTEGER NOT NULL,
     term INTEGER NOT NULL, idx INTEGER NOT NULL, results BLOB NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE _tidemark_parts(place INTEGER PRIMARY KEY, part_count INTEGER NOT NULL,
     term INTEGER NOT NULL, idx INTEGER NOT NULL, bytes BLOB NOT NULL)`,
  `CREATE TABLE _tidemark_settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE _tidemark_invites(id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL,
     role TEXT NOT NULL, expires_at_ms INTEGER NOT NULL, used_by TEXT) WITHOUT ROWID`,
];
const FORMAT = "1";
const CHECKSUM_KEY = "checksum:";

/** Sums by table, and in total. The key is a table's name. */
export type Checksums = ReadonlyMap<string, Checksum>;

/** What is kept of a client's last transaction. */
export type ClientRecord = {
  readonly sequence: number;
  readonly position: Position;
  readonly results: readonly StatementResult[];
};

/** Makes the tables in an empty database. */
export function createOwnTables(connection: Connection): void {
  for (const sql of TABLES) connection.runOnce(sql);
  writeMeta(connection, "format", FORMAT);
  writePosition(connection, POSITION_ZERO);
}

/** Where the database stands; null when it is not one of ours. */
export function readPosition(connection: Connection): Position | null {
  if (readMeta(connection, "format") !== FORMAT) return null;
  const [termText, indexText] = (readMeta(connection, "applied") ?? "").split(":");
  const found = { term: Number(termText), index: Number(indexText) };
  if (!Number.isSafeInteger(found.term) || !Number.isSafeInteger(found.index)) return null;
  return { term: term(found.term), index: logIndex(found.index) };
}

/** Part of each batch's transaction. */
export function writePosition(connection: Connection, position: Position): void {
  writeMeta(connection, "applied", `${position.term}:${position.index}`);
}

/** All rolling checksums. */
export function readChecksums(connection: Connection): Map<string, Checksum> {
  const sums = new Map<string, Checksum>();
  const rows = connection
    .cached("SELECT key, value FROM _tidemark_meta WHERE key >= 'checksum:' AND key < 'checksum;'")
    .all();
  for (const [key, value] of rows) {
    const sum = parseChecksum(String(value));
    if (sum !== null) sums.set(String(key).slice(CHECKSUM_KEY.length), sum);
  }
  return sums;
}

/** Writes what changed between two states of the checksums. */
export function writeChecksums(connection: Connection, before: Checksums, after: Checksums): void {
  for (const [table, sum] of after) {
    const old = before.get(table);
    if (old !== undefined && old.high === sum.high && old.low === sum.low) continue;
    writeMeta(connection, CHECKSUM_KEY + table, formatChecksum(sum));
  }
  for (const table of before.keys()) {
    if (after.has(table)) continue;
    connection.cached("DELETE FROM _tidemark_meta WHERE key = ?").run([CHECKSUM_KEY + table]);
  }
}

/** The sum over all tables. */
export function totalChecksum(sums: Checksums): string {
  let total = CHECKSUM_ZERO;
  for (const sum of sums.values()) total = addChecksums(total, sum);
  return formatChecksum(total);
}

/** The sequence of the last transaction a client made, or null. */
export function readClientSequence(connection: Connection, client: string): number | null {
  const row = connection
    .cached("SELECT sequence FROM _tidemark_clients WHERE client = ?")
    .first([client]);
  return row === null ? null : Number(row[0]);
}

/** The last transaction a client made, or null. */
export function readClient(connection: Connection, client: string): ClientRecord | null {
  const row = connection
    .cached("SELECT sequence, term, idx, results FROM _tidemark_clients WHERE client = ?")
    .first([client]);
  if (row === null) return null;
  const [sequence, termValue, index, results] = row;
  const text = utf8Decode(results as Uint8Array);
  const position = { term: term(Number(termValue)), index: logIndex(Number(index)) };
  return {
    sequence: Number(sequence),
    position,
    results: JSON.parse(defined(text, "answers are kept as JSON")) as StatementResult[],
  };
}

/** Keeps a transaction's answer for its client's retry. */
export function writeClient(
  connection: Connection,
  header: TransactionHeader,
  position: Position,
): void {
  if (header.client === null) return;
  connection
    .cached("INSERT OR REPLACE INTO _tidemark_clients VALUES (?, ?, ?, ?, ?)")
    .run([header.client.id, header.client.sequence, position.term, position.index, header.results]);
}

/** Whether parts of a transaction wait for their end. */
export function hasParts(connection: Connection): boolean {
  return connection.cached("SELECT 1 FROM _tidemark_parts LIMIT 1").first() !== null;
}

/**
 * Takes in one part. @returns the whole payload when it was the last one, else null. A part
 * that does not follow its predecessor directly has lost its beginning, and is dropped.
 */
export function takePart(
  connection: Connection,
  part: PayloadPart,
  position: Position,
): Uint8Array | null {
  const last = connection
    .cached("SELECT place, part_count, term, idx FROM _tidemark_parts ORDER BY place DESC LIMIT 1")
    .first();
  const follows =
    last !== null &&
    Number(last[0]) === part.place - 1 &&
    Number(last[1]) === part.partCount &&
    Number(last[2]) === position.term &&
    Number(last[3]) === position.index - 1;
  if (part.place === 0 || !follows) dropParts(connection);
  if (part.place > 0 && !follows) return null;
  if (part.place < part.partCount - 1) {
    connection
      .cached("INSERT INTO _tidemark_parts VALUES (?, ?, ?, ?, ?)")
      .run([part.place, part.partCount, position.term, position.index, part.bytes]);
    return null;
  }
  const rows = connection.cached("SELECT bytes FROM _tidemark_parts ORDER BY place").all();
  dropParts(connection);
  return concatBytes([...rows.map((row) => row[0] as Uint8Array), part.bytes]);
}

/** Forgets a transaction whose end never came. */
export function dropParts(connection: Connection): void {
  connection.run("DELETE FROM _tidemark_parts");
}

function readMeta(connection: Connection, key: string): string | null {
  const row = connection.cached("SELECT value FROM _tidemark_meta WHERE key = ?").first([key]);
  return row === null ? null : String(row[0]);
}

function writeMeta(connection: Connection, key: string, value: string): void {
  connection.cached("INSERT OR REPLACE INTO _tidemark_meta VALUES (?, ?)").run([key, value]);
}
