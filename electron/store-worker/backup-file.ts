/**
 * Backups as files: an image becomes a plain SQLite file that says what it is, and such a file is opened again and
 * recomputed. Runs in a scratch store, never in the one that serves.
 *
 * The file holds what people made and one more table, `_tidemark_backup`, with rows of name and value: the position,
 * the checksum there, and whatever its maker adds. Tidemark's other tables are dropped and overwritten with zeros,
 * because backups are given away and invites are secrets; what they counted for in the checksum is noted, so that the
 * rest can be compared with it.
 */
import { assert, unreachable } from "../../shared/base/assert.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import {
  addChecksums,
  CHECKSUM_ZERO,
  formatChecksum,
  parseChecksum,
} from "../../shared/changes/checksum.ts";
import { BACKUP_TABLE, RESERVED_PREFIX } from "../../shared/changes/identifiers.ts";
import type { Checksum } from "../../shared/changes/checksum.ts";
import {
  createOwnTables,
  readChecksums,
  readPosition,
  totalChecksum,
  writeChecksums,
  writePosition,
  type Checksums,
} from "./bookkeeping.ts";
import { sumAll } from "./checksums.ts";
import { Connection, SqliteError } from "./connection.ts";
import { dropTables, isOwnTable } from "./image.ts";
import type { BackupMarks, OpenedBackup, StoreImage, StoreMethods } from "./messages.ts";
import { readSchema } from "./schema.ts";
import type { Schema } from "./schema.ts";
import type { SqliteModule } from "./sqlite-module.ts";

const FORMAT = "1";
/** `PRAGMA integrity_check` stops after so many findings. */
const FINDINGS_MAX = 3;

/** What was found in a file. */
type ReadBackup = {
  readonly told: OpenedBackup;
  readonly schema: Schema;
  readonly checksums: Checksums;
};

/** One file at a time: the one being made, or the one being read. */
export class BackupFile {
  readonly #sqlite: SqliteModule;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(sqlite: SqliteModule) {
    this.#sqlite = sqlite;
  }

  /** Carries out one of the store's calls that are about the file alone. */
  handle(method: "packBackup" | "backupPiece" | "putBackup", params: unknown): unknown {
    switch (method) {
      case "packBackup": {
        const { image, marks } = params as StoreMethods["packBackup"]["params"];
        return { sizeBytes: this.#pack(image, marks) };
      }
      case "backupPiece": {
        const { at, countMax } = params as StoreMethods["backupPiece"]["params"];
        // A copy: it is sent to another thread.
        return this.#bytes.slice(at, at + countMax);
      }
      case "putBackup": {
        const { sizeBytes, at, bytes } = params as StoreMethods["putBackup"]["params"];
        this.#put(sizeBytes, at, bytes);
        return null;
      }
      default:
        return unreachable(method);
    }
  }

  /** Makes the file of a store's image. @returns its size. */
  #pack(image: Uint8Array, marks: BackupMarks): number {
    const connection = new Connection(this.#sqlite, image);
    try {
      const position = readPosition(connection);
      assert(position !== null, "the image is one of Tidemark's");
      const sums = readChecksums(connection);
      dropTables(connection, isOwnTable);
      writeMarks(connection, {
        ...marks,
        format: FORMAT,
        position: `${position.term}:${position.index}`,
        checksum: totalChecksum(sums),
        "left-out": formatChecksum(sumOfOwn(sums)),
      });
      this.#bytes = connection.exportImage();
      return this.#bytes.length;
    } finally {
      connection.close();
    }
  }

  /** A part of a file that was read from somewhere; the first one makes room for all. */
  #put(sizeBytes: number, at: number, bytes: Uint8Array): void {
    if (at === 0) this.#bytes = new Uint8Array(sizeBytes);
    assert(at + bytes.length <= this.#bytes.length, "a piece lies inside the file");
    this.#bytes.set(bytes, at);
  }

  /**
   * Opens what was put, and recomputes it. Its bytes are given up.
   *
   * @returns what the store goes on with, the connection included.
   */
  open(): Result<ReadBackup & { readonly connection: Connection }, string> {
    const bytes = this.#bytes;
    this.#bytes = new Uint8Array(0);
    const connection = new Connection(this.#sqlite, bytes);
    try {
      const read = readBackup(connection);
      if (read.ok) return ok({ connection, ...read.value });
      connection.close();
      return read;
    } catch (error) {
      connection.close();
      if (!(error instanceof SqliteError)) throw error;
      return err(`SQLite cannot read it (${error.message})`);
    }
  }
}

/** Makes an opened backup the first state of a new workspace, at 1:1. */
export function foundFrom(connection: Connection): StoreImage {
  connection.runOnce(`DROP TABLE main.${BACKUP_TABLE}`);
  createOwnTables(connection);
  const applied = { term: term(1), index: logIndex(1) };
  const sums = sumAll(connection, readSchema(connection));
  writeChecksums(connection, new Map(), sums);
  writePosition(connection, applied);
  const position = { applied, checksum: totalChecksum(sums) };
  return { position, image: connection.exportImage() };
}

function readBackup(connection: Connection): Result<ReadBackup, string> {
  const findings = connection.cached(`PRAGMA integrity_check(${FINDINGS_MAX})`).all();
  const damage = findings.map((row) => String(row[0])).filter((text) => text !== "ok");
  if (damage.length > 0) return err(`its pages are damaged (${damage.join("; ")})`);
  const isMarked = connection
    .cached("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?")
    .first([BACKUP_TABLE]);
  if (isMarked === null) return err("it is a SQLite file, and no backup of Tidemark");
  const rows = connection.cached(`SELECT name, value FROM main.${BACKUP_TABLE}`).all();
  const marks = Object.fromEntries(rows.map(([name, text]) => [String(name), String(text)]));
  const { format, position = "", checksum = "" } = marks;
  if (format !== FORMAT) return err(`its format is ${format}; a newer version made it`);
  const leftOut = parseChecksum(marks["left-out"] ?? "");
  const [, atTerm, index] = /^(\d{1,15}):(\d{1,15})$/.exec(position) ?? [];
  if (leftOut === null || atTerm === undefined || index === undefined) {
    return err("it does not say which position it holds");
  }
  const schema = readSchema(connection);
  const sums = sumAll(connection, schema);
  const total = parseChecksum(totalChecksum(sums)) ?? CHECKSUM_ZERO;
  const told = {
    position: { term: term(Number(atTerm)), index: logIndex(Number(index)) },
    checksum,
    recomputed: formatChecksum(addChecksums(total, leftOut)),
    marks,
  };
  return ok({ told, schema, checksums: sums });
}

function sumOfOwn(sums: ReadonlyMap<string, Checksum>): Checksum {
  let sum = CHECKSUM_ZERO;
  for (const [name, each] of sums) {
    if (name.startsWith(RESERVED_PREFIX)) sum = addChecksums(sum, each);
  }
  return sum;
}

function writeMarks(connection: Connection, marks: BackupMarks): void {
  connection.runOnce(
    `CREATE TABLE main.${BACKUP_TABLE}(name TEXT PRIMARY KEY, value TEXT NOT NULL)`,
  );
  const insert = connection.cached(`INSERT INTO main.${BACKUP_TABLE} VALUES (?, ?)`);
  for (const [name, text] of Object.entries(marks)) insert.run([name, text]);
}
