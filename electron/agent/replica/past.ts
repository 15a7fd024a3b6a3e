/**
 * The past, read from this member's own log: single transactions, and what became of a row. Works offline, and
 * reaches back as far as the log is kept.
 *
 * The log is read backwards in windows, each in small pieces, so that a long search delays no heartbeat. A
 * transaction in parts counts when its last part was applied; one whose end never came did not happen.
 */
import type { ApiError } from "../../../shared/api/methods.ts";
import type { TransactionLine } from "../../../shared/api/past.ts";
import { defined } from "../../../shared/base/assert.ts";
import { concatBytes } from "../../../shared/base/bytes.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex, Position } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { TRANSACTION_BYTES_MAX } from "../../../shared/changes/limits.ts";
import { PayloadReader } from "../../../shared/changes/payload.ts";
import { readPart } from "../../../shared/changes/parts.ts";
import type { RowName } from "../../../shared/changes/row-name.ts";
import type { LogEntry, LogView } from "../../../shared/raft/types.ts";
import type { RowPast } from "../../store-worker/messages.ts";
import type { Clock, Store } from "../ports.ts";
import { askStore } from "./ask-store.ts";
import { readLog } from "./read-log.ts";

/** A whole transaction as the log has it. */
export type LoggedTransaction = {
  /** Of its last part: where it was applied. */
  readonly position: Position;
  readonly payload: Uint8Array;
};

/** Versions of a row, the newest first. */
export type RowVersions = {
  readonly versions: readonly (Position & Omit<RowPast["versions"][number], "place">)[];
  /** How to ask for older ones; null when the kept log has none. */
  readonly next: { readonly row: RowName; readonly beforeIndex: LogIndex } | null;
};

/** Transactions in short, the newest first. */
export type TransactionList = {
  readonly transactions: readonly TransactionLine[];
  /** Where to go on with older ones; null when the kept log has none. */
  readonly next: LogIndex | null;
};

type PastOptions = {
  readonly log: LogView;
  readonly store: Store;
  readonly clock: Clock;
  /** The newest entry that counts: nothing later is shown. */
  readonly appliedIndex: () => LogIndex;
};

type Window = {
  readonly transactions: readonly LoggedTransaction[];
  /** The first index that belongs to a transaction of it; older ones come in the next window. */
  readonly from: LogIndex;
  readonly bytes: number;
};

/** Read at once: some ten milliseconds when entries are small. */
const PIECE_BYTES_MAX = 256 * 1024;
const WINDOW_BYTES_MIN = 1024 * 1024;
const WINDOW_BYTES_MAX = 16 * 1024 * 1024;
const WINDOW_ENTRIES_START = 256;
/** More than the parts of the largest transaction: a window then holds a whole one. */
const WINDOW_ENTRIES_MIN = 80;
const WINDOW_ENTRIES_MAX = 16_384;
/** Entries of the core alone are few: who has looked so far finds no transaction. */
const WINDOWS_MAX = 16;

/** Reads it. */
export class Past {
  readonly #options: PastOptions;

  constructor(options: PastOptions) {
    this.#options = options;
  }

  /** The whole transaction that has an entry at `index`. */
  transactionAt(index: number): Result<LoggedTransaction, ApiError> {
    const { log, appliedIndex } = this.#options;
    const applied = appliedIndex();
    if (index < 1 || index > applied) return err(notFound(`Entry ${index} is not applied here`));
    if (index < log.firstIndex) return err(this.#forgotten(index));
    return readLog(() => {
      const entry = log.entriesFrom(logIndex(index), 0)[0];
      const part = entry?.kind === "data" ? readPart(entry.payload) : null;
      if (entry?.kind !== "data") return err(notFound(`Entry ${index} is no transaction`));
      if (part === null) return ok(whole(entry));
      const from = index - part.place;
      if (from < log.firstIndex) return err(this.#forgotten(from));
      const entries: LogEntry[] = [];
      while (entries.length < part.partCount && from + entries.length <= applied) {
        const next = log.entriesFrom(logIndex(from + entries.length), PIECE_BYTES_MAX);
        entries.push(...next.slice(0, part.partCount - entries.length));
      }
      const joined = joinEntries(entries, part.partCount);
      return joined === null ? err(notFound(`Transaction ${index} has no end`)) : ok(joined);
    });
  }

  /**
   * Transactions in short, the newest first; fewer than asked for when they are large.
   *
   * @param beforeIndex Only what is older counts.
   */
  async transactionsBefore(
    beforeIndex: number,
    countMax: number,
  ): Promise<Result<TransactionList, ApiError>> {
    const { log, store, appliedIndex } = this.#options;
    const found: TransactionLine[] = [];
    let to = Math.min(beforeIndex - 1, appliedIndex());
    let bytes = 0;
    while (to >= log.firstIndex && found.length < countMax && bytes < WINDOW_BYTES_MAX) {
      const read = await this.#window(to, WINDOW_ENTRIES_MIN);
      if (!read.ok) return read;
      const { transactions, from } = read.value;
      const wanted = transactions.slice(found.length - countMax);
      const payloads = wanted.map(({ payload }) => payload);
      const described = await askStore(store, "describe", { payloads });
      if (!described.ok) return described;
      const lines = wanted.map(({ position, payload }, place) => {
        const { summary: _, ...told } = defined(described.value[place], "an answer for each");
        return { ...position, bytes: payload.length, ...told };
      });
      found.push(...lines.reverse());
      const isCut = wanted.length < transactions.length;
      to = (isCut ? defined(found.at(-1), "countMax is not 0").index : from) - 1;
      bytes += read.value.bytes;
    }
    const next = to < log.firstIndex ? null : logIndex(to + 1);
    return ok({ transactions: found, next });
  }

  /**
   * What became of a row, or of all rows of a table when its name has no key.
   *
   * @param beforeIndex Only what is older counts.
   * @param countMax At least so many are looked for; one more window may bring more.
   */
  async versionsOf(
    row: RowName,
    { beforeIndex, countMax }: { readonly beforeIndex: number; readonly countMax: number },
  ): Promise<Result<RowVersions, ApiError>> {
    const { log, store, appliedIndex } = this.#options;
    const versions: RowVersions["versions"][number][] = [];
    let name = row;
    let to = Math.min(beforeIndex - 1, appliedIndex());
    let entriesMax = WINDOW_ENTRIES_START;
    while (to >= log.firstIndex && versions.length < countMax) {
      const read = await this.#window(to, entriesMax);
      if (!read.ok) return read;
      const { transactions, from, bytes } = read.value;
      const payloads = transactions.map(({ payload }) => payload);
      const found = await askStore(store, "rowHistory", { payloads, row: name });
      if (!found.ok) return found;
      for (const { place, ...version } of found.value.versions) {
        const at = transactions[place];
        if (at !== undefined) versions.push({ ...at.position, ...version });
      }
      name = found.value.row;
      to = from - 1;
      if (bytes < WINDOW_BYTES_MIN) entriesMax = Math.min(entriesMax * 2, WINDOW_ENTRIES_MAX);
      if (bytes > WINDOW_BYTES_MAX) entriesMax = Math.max(entriesMax >> 1, WINDOW_ENTRIES_MIN);
    }
    const isAll = to < log.firstIndex;
    return ok({ versions, next: isAll ? null : { row: name, beforeIndex: logIndex(to + 1) } });
  }

  /**
   * The newest applied entry that no later time than this was written into, by the clocks of those who led.
   *
   * @returns null when all that is kept is newer; `isNewest` when nothing is.
   */
  async newestAt(
    atMs: number,
  ): Promise<Result<{ readonly index: LogIndex | null; readonly isNewest: boolean }, ApiError>> {
    const { log, appliedIndex } = this.#options;
    const applied = appliedIndex();
    let isNewest = true;
    for (let to: number = applied; to >= log.firstIndex;) {
      const read = await this.#window(to, WINDOW_ENTRIES_MAX);
      if (!read.ok) return read;
      const { transactions, from } = read.value;
      const found = transactions.findLast(({ payload }) => (madeAtMs(payload) ?? Infinity) <= atMs);
      isNewest &&= found === transactions.at(-1);
      if (isNewest && found !== undefined) return ok({ index: applied, isNewest });
      if (found !== undefined) return ok({ index: found.position.index, isNewest });
      to = from - 1;
    }
    return ok({ index: null, isNewest });
  }

  /** ISO 8601: when the newest transaction up to an entry was made; null when it is not kept. */
  async timeAt(index: number): Promise<string | null> {
    const { log, appliedIndex } = this.#options;
    let to = Math.min(index, appliedIndex());
    for (let tries = 0; to >= log.firstIndex && tries < WINDOWS_MAX; tries++) {
      const read = await this.#window(to, WINDOW_ENTRIES_MIN);
      if (!read.ok) return null;
      const newest = read.value.transactions.at(-1);
      if (newest !== undefined) return isoTime(newest);
      to = read.value.from - 1;
    }
    return null;
  }

  /** ISO 8601: when the first transaction after an entry was made; null when there is none. */
  async timeAfter(index: number): Promise<string | null> {
    const { log, appliedIndex } = this.#options;
    const from = Math.max(log.firstIndex, index + 1);
    const to = Math.min(from + WINDOW_ENTRIES_MIN, appliedIndex());
    const read = to < from ? null : await this.#window(to, to - from + 1);
    const oldest = read?.ok === true ? read.value.transactions[0] : undefined;
    return oldest === undefined ? null : isoTime(oldest);
  }

  /**
   * What takes back everything after an entry, the newest stretch of the log first.
   *
   * @param row Only this row, or only this table when it has no key; null for everything.
   * @returns null when the schema was changed in between: what a table held is not in the log then.
   */
  async wayBack(
    toIndex: number,
    row: RowName | null,
  ): Promise<Result<Uint8Array[] | null, ApiError>> {
    const { log, store, appliedIndex } = this.#options;
    if (toIndex > appliedIndex()) return err(notFound(`Entry ${toIndex} is not applied here`));
    const inverses: Uint8Array[] = [];
    let name = row;
    let bytes = 0;
    for (let to: number = appliedIndex(); to > toIndex;) {
      if (to < log.firstIndex) return err(this.#forgotten(to));
      const read = await this.#window(to, WINDOW_ENTRIES_MIN);
      if (!read.ok) return read;
      const { transactions, from } = read.value;
      const later = transactions.filter(({ position }) => position.index > toIndex);
      const payloads = later.map(({ payload }) => payload);
      const asked = await askStore(store, "wayBack", { payloads, row: name });
      if (!asked.ok) return asked;
      if (!asked.value.ok) return asked.value;
      if (asked.value.value.type === "schema-changed") return ok(null);
      const { inverse, row: former } = asked.value.value;
      if (inverse !== null) inverses.push(inverse);
      bytes += inverse?.length ?? 0;
      if (bytes > TRANSACTION_BYTES_MAX) return err(tooMuch());
      name = former;
      to = from - 1;
    }
    const isCut = this.#isCutAtItsBeginning(toIndex);
    if (!isCut.ok) return isCut;
    return isCut.value ? err(this.#forgotten(toIndex)) : ok(inverses);
  }

  /**
   * The transactions that are meant, the newest first, from the whole log that is kept.
   *
   * @param isMeant Judges a whole transaction's payload.
   */
  async *transactionsWhere(
    isMeant: (payload: Uint8Array) => boolean,
  ): AsyncGenerator<Result<LoggedTransaction, ApiError>> {
    const { log, appliedIndex } = this.#options;
    for (let to: number = appliedIndex(); to >= log.firstIndex;) {
      const read = await this.#window(to, WINDOW_ENTRIES_MIN);
      if (!read.ok) return yield read;
      const { transactions, from } = read.value;
      for (const transaction of transactions.toReversed()) {
        if (isMeant(transaction.payload)) yield ok(transaction);
      }
      to = from - 1;
    }
  }

  /** Whether the kept log begins in the middle of a transaction that counts after an entry. */
  #isCutAtItsBeginning(toIndex: number): Result<boolean, ApiError> {
    const { log } = this.#options;
    return readLog(() => {
      const first = log.entriesFrom(log.firstIndex, 0)[0];
      const part = first?.kind === "data" ? readPart(first.payload) : null;
      if (part === null || part.place === 0) return ok(false);
      return ok(log.firstIndex + part.partCount - 1 - part.place > toIndex);
    });
  }

  /** The transactions up to an index; one whose parts begin before the window is left to the next. */
  async #window(to: number, entriesMax: number): Promise<Result<Window, ApiError>> {
    const { log } = this.#options;
    const start = Math.max(log.firstIndex, to - entriesMax + 1);
    const entries: LogEntry[] = [];
    for (let at = start; at <= to; at = start + entries.length) {
      // The log may have been cut meanwhile.
      if (at < log.firstIndex) return err(this.#forgotten(at));
      const piece = readLog(() => ok(log.entriesFrom(logIndex(at), PIECE_BYTES_MAX)));
      if (!piece.ok) return piece;
      entries.push(...piece.value.slice(0, to - at + 1));
      await this.#pause();
    }
    const skipped = start > log.firstIndex ? countOfBegunBefore(entries) : 0;
    const own = entries.slice(skipped);
    let bytes = 0;
    for (const entry of own) bytes += entry.payload.length;
    return ok({ transactions: wholeOnes(own), from: logIndex(start + skipped), bytes });
  }

  /** Lets everything else that waits have its turn. */
  #pause(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(0, resolve));
  }

  #forgotten(index: number): ApiError {
    const { firstIndex } = this.#options.log;
    return notFound(`Entry ${index} is not kept any more, the log begins at ${firstIndex}`);
  }
}

function isoTime({ payload }: LoggedTransaction): string | null {
  const atMs = madeAtMs(payload);
  return atMs === null ? null : new Date(atMs).toISOString();
}

/** By the clock of who led then. */
function madeAtMs(payload: Uint8Array): number | null {
  const opened = PayloadReader.open(payload);
  return opened.ok ? opened.value.header.atMs : null;
}

/** Entries at the front that belong to a transaction whose first part is further back. */
function countOfBegunBefore(entries: readonly LogEntry[]): number {
  const first = entries[0];
  const part = first?.kind === "data" ? readPart(first.payload) : null;
  if (part === null || part.place === 0) return 0;
  return Math.min(part.partCount - part.place, entries.length - 1);
}

function wholeOnes(entries: readonly LogEntry[]): LoggedTransaction[] {
  const found: LoggedTransaction[] = [];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as LogEntry;
    if (entry.kind !== "data") continue;
    const part = readPart(entry.payload);
    if (part === null) found.push(whole(entry));
    if (part === null || part.place !== 0) continue;
    const joined = joinEntries(entries.slice(i, i + part.partCount), part.partCount);
    if (joined !== null) found.push(joined);
  }
  return found;
}

/** null when it is not one transaction from its first part to its last, in one term. */
function joinEntries(entries: readonly LogEntry[], partCount: number): LoggedTransaction | null {
  const last = entries[partCount - 1];
  if (last === undefined) return null;
  const pieces: Uint8Array[] = [];
  for (const [place, entry] of entries.slice(0, partCount).entries()) {
    const part = entry.kind === "data" ? readPart(entry.payload) : null;
    const isNext = part?.place === place && part.partCount === partCount;
    if (!isNext || entry.term !== last.term) return null;
    pieces.push(part.bytes);
  }
  return { position: { term: last.term, index: last.index }, payload: concatBytes(pieces) };
}

function whole({ term, index, payload }: LogEntry): LoggedTransaction {
  return { position: { term, index }, payload };
}

function tooMuch(): ApiError {
  const message =
    `More than ${TRANSACTION_BYTES_MAX / 1024 / 1024} MiB of changes would be taken back at once. ` +
    "Restore one table after the other.";
  return { code: "too-large", message };
}

function notFound(what: string): ApiError {
  return { code: "not-found", message: `${what}.` };
}
