/**
 * Whole imports: found in the log by the client id of their transactions, and taken back in as few
 * transactions as they fit into, the newest part first.
 *
 * Taking back is safe to repeat: what is gone already stands in nobody's way. So a part that fails,
 * or whose outcome is not known, is simply asked for again, also at another leader.
 */
import { importIdOf, isBeginningOfImport } from "../../../shared/changes/import-id.ts";
import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { quoteIdentifier } from "../../../shared/changes/identifiers.ts";
import { PayloadReader } from "../../../shared/changes/payload.ts";
import type { UndoConflict } from "../../../shared/changes/undo.ts";
import { UNDO_CONFLICTS_MAX } from "../../../shared/changes/undo.ts";
import type { RowChange } from "../../../shared/changes/row-change.ts";
import type { CaptureRequest } from "../../store-worker/messages.ts";
import type { Store } from "../ports.ts";
import { askStore } from "./ask-store.ts";
import type { LoggedTransaction, Past } from "./past.ts";
import type { WriteOutcome } from "./write-queue.ts";

type Work = CaptureRequest["work"];

type WriteKey = { readonly clientId?: string; readonly sequence?: number };

type PastImportsOptions = {
  readonly past: Past;
  readonly store: Store;
  readonly readRefusal: () => Promise<ApiError | null>;
  readonly writeRefusal: () => ApiError | null;
  readonly write: (work: Work, key: WriteKey) => Promise<WriteOutcome>;
  readonly preview: (work: Work) => Promise<Result<ApiResult<"undoPreview">, ApiError>>;
};

/** What an import made, in the order it was made. */
type Made = { readonly kind: "TABLE" | "INDEX" | "VIEW"; readonly name: string };

/** Part of an import as one transaction takes it back; positions only, because imports are large. */
type Portion = {
  /** Of its transactions, the oldest first. */
  readonly indexes: readonly LogIndex[];
  readonly bytes: number;
};

/** All of an import that is in the log, the newest portion first. */
type FoundImport = {
  readonly portions: readonly Portion[];
  readonly transactionCount: number;
  readonly made: readonly Made[];
};

/** Half of what a transaction may hold: its inverse is as large, and some room is left. */
const PORTION_BYTES_MAX = 32 * 1024 * 1024;
const CHANGES_SHOWN = 100;
const TABLE_CHANGED: ApiError = {
  code: "sql-refused",
  message:
    "A table of this import was changed itself since, so its rows cannot be taken back as they were. Nothing was done.",
};
const CREATED = /^\s*CREATE\s+(?:UNIQUE\s+)?(TABLE|INDEX|VIEW)\s+("(?:[^"]|"")*"|[^\s("]+)/i;

/** One handler per method. */
export class PastImports {
  readonly #options: PastImportsOptions;

  constructor(options: PastImportsOptions) {
    this.#options = options;
  }

  async preview({
    importId,
  }: ApiParams<"undoImportPreview">): Promise<Result<ApiResult<"undoImportPreview">, ApiError>> {
    const refusal = await this.#options.readRefusal();
    if (refusal !== null) return err(refusal);
    const found = await this.#find(importId);
    if (!found.ok) return found;
    const conflicts: UndoConflict[] = [];
    const changes: RowChange[] = [];
    let rowCount = 0;
    for (const portion of found.value.portions) {
      const work = await this.#wayBack(portion);
      if (!work.ok) return work;
      if (work.value === null) continue;
      const told = await this.#options.preview(work.value);
      if (!told.ok) return told;
      rowCount += told.value.rowCount;
      conflicts.push(...told.value.conflicts.slice(0, UNDO_CONFLICTS_MAX - conflicts.length));
      changes.push(...told.value.changes.slice(0, CHANGES_SHOWN - changes.length));
    }
    const { transactionCount, made } = found.value;
    const left = await this.#leftOf(made);
    if (!left.ok) return left;
    const names = left.value.map(({ name }) => name);
    if (conflicts.length > 0) rowCount = 0;
    const told = { rowCount, conflicts, changes, schemaChanges: [], leftOut: [] };
    return ok({ ...told, transactionCount, made: names });
  }

  async undo({
    importId,
    beforeIndex = Infinity,
    ...key
  }: ApiParams<"undoImport">): Promise<Result<ApiResult<"undoImport">, ApiError>> {
    const refusal = this.#options.writeRefusal();
    if (refusal !== null) return err(refusal);
    const found = await this.#find(importId);
    if (!found.ok) return found;
    const { portions, made } = found.value;
    const left = portions.filter(({ indexes }) => (indexes[0] ?? 0) < beforeIndex);
    const portion = left[0];
    const done = portion === undefined ? ok(NOTHING) : await this.#takeBack(portion, key);
    if (!done.ok) return done;
    if (portion !== undefined && left.length > 1) {
      return ok({ ...done.value, ...NOTHING_DROPPED, next: portion.indexes[0] ?? null });
    }
    const dropped = await this.#drop(made);
    if (!dropped.ok) return dropped;
    const { position, ...names } = dropped.value;
    return ok({ ...done.value, position: done.value.position ?? position, ...names, next: null });
  }

  async #takeBack(
    portion: Portion,
    key: WriteKey,
  ): Promise<Result<Pick<ApiResult<"undoImport">, "position" | "rowCount">, ApiError>> {
    const work = await this.#wayBack(portion);
    if (!work.ok) return work;
    if (work.value === null) return ok(NOTHING);
    const outcome = await this.#options.write(work.value, key);
    if (!outcome.ok) return outcome;
    const { position, results } = outcome.value;
    const rowCount = results[0]?.changes ?? 0;
    return ok(rowCount === 0 ? NOTHING : { position, rowCount });
  }

  /** null when the portion changed no rows. */
  async #wayBack({ indexes }: Portion): Promise<Result<Work | null, ApiError>> {
    const payloads: Uint8Array[] = [];
    for (const index of indexes) {
      const found = this.#options.past.transactionAt(index);
      if (!found.ok) return found;
      payloads.push(found.value.payload);
    }
    const asked = await askStore(this.#options.store, "wayBack", { payloads, row: null });
    if (!asked.ok) return asked;
    if (!asked.value.ok) return asked.value;
    if (asked.value.value.type === "schema-changed") return err(TABLE_CHANGED);
    const { inverse } = asked.value.value;
    return ok(inverse === null ? null : { type: "restore", inverses: [inverse] });
  }

  /** Drops what the import made, the newest first: tables only when nobody else's rows are in them. */
  async #drop(
    made: readonly Made[],
  ): Promise<Result<Pick<ApiResult<"undoImport">, "position" | "dropped" | "kept">, ApiError>> {
    const dropped: string[] = [];
    const kept: string[] = [];
    let position: ApiResult<"undoImport">["position"] = null;
    const left = await this.#leftOf(made);
    if (!left.ok) return left;
    for (const { kind, name } of left.value.toReversed()) {
      const quoted = quoteIdentifier(name);
      // An error for each row there is: looking first and dropping then would leave a gap for others.
      const check = { sql: `SELECT abs(-9223372036854775808) FROM ${quoted} LIMIT 1` };
      const drop = { sql: `DROP ${kind} ${quoted}` };
      const statements = kind === "TABLE" ? [check, drop] : [drop];
      const outcome = await this.#options.write({ type: "statements", statements }, {});
      if (outcome.ok) {
        dropped.push(name);
        ({ position } = outcome.value);
      } else if (outcome.error.code === "sql-error" || outcome.error.code === "constraint") {
        kept.push(name);
      } else return outcome;
    }
    return ok({ position, dropped, kept });
  }

  /** Tables and views that are still there; indexes go with their tables. */
  async #leftOf(made: readonly Made[]): Promise<Result<readonly Made[], ApiError>> {
    if (made.length === 0) return ok([]);
    const asked = await askStore(this.#options.store, "tables", {});
    if (!asked.ok) return asked;
    const known = new Set(asked.value.tables.map(({ name }) => name));
    return ok(made.filter(({ kind, name }) => kind !== "INDEX" && known.has(name)));
  }

  async #find(importId: string): Promise<Result<FoundImport, ApiError>> {
    const group = new Group();
    const isMeant = (payload: Uint8Array): boolean => importOf(payload)?.id === importId;
    for await (const found of this.#options.past.transactionsWhere(isMeant)) {
      if (!found.ok) return found;
      group.add(found.value);
    }
    if (group.hasBeginning) return ok(group.found);
    const message = group.isEmpty
      ? `No import ${importId} is in the log that is kept here.`
      : `The beginning of import ${importId} is not kept in the log any more.`;
    return err({ code: "not-found", message });
  }
}

/** Transactions of one import as they are found, the newest first. */
class Group {
  readonly #portions: { indexes: LogIndex[]; bytes: number }[] = [];
  #made: Made[] = [];
  #count = 0;
  #hasBeginning = false;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get hasBeginning(): boolean {
    return this.#hasBeginning;
  }

  get found(): FoundImport {
    return { portions: this.#portions, transactionCount: this.#count, made: this.#made };
  }

  add({ position, payload }: LoggedTransaction): void {
    this.#count += 1;
    const part = importOf(payload);
    if (part?.isFirst === true) this.#hasBeginning = true;
    const made = madeBy(payload);
    if (made.length > 0) {
      this.#made = [...made, ...this.#made];
      return;
    }
    const oldest = this.#portions.at(-1);
    const bytes = payload.length;
    if (oldest === undefined || oldest.bytes + bytes > PORTION_BYTES_MAX) {
      this.#portions.push({ indexes: [position.index], bytes });
      return;
    }
    oldest.indexes.unshift(position.index);
    oldest.bytes += bytes;
  }
}

const NOTHING = { position: null, rowCount: 0 } as const;
const NOTHING_DROPPED = { dropped: [], kept: [] } as const;

function importOf(payload: Uint8Array): { readonly id: string; readonly isFirst: boolean } | null {
  const opened = PayloadReader.open(payload);
  const client = opened.ok ? opened.value.header.client : null;
  const id = importIdOf(client?.id ?? null);
  if (client === null || id === null) return null;
  return { id, isFirst: isBeginningOfImport(client) };
}

function madeBy(payload: Uint8Array): Made[] {
  const opened = PayloadReader.open(payload);
  const made: Made[] = [];
  if (!opened.ok) return made;
  const reader = opened.value;
  for (let record = reader.next(); record !== null; record = reader.next()) {
    const match = record.type === "schema" ? CREATED.exec(record.sql) : null;
    const [, kind = "", quoted = ""] = match ?? [];
    if (match === null) continue;
    const isQuoted = quoted.startsWith('"');
    const name = isQuoted ? quoted.slice(1, -1).replaceAll('""', '"') : quoted;
    made.push({ kind: kind.toUpperCase() as Made["kind"], name });
  }
  return made;
}
