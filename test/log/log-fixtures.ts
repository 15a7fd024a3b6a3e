import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import type { EntryKind, HardState, LogEntry } from "../../shared/raft/types.ts";
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import type { LogOptions, OpenedLog } from "../../electron/agent/log/replication-log.ts";
import type { Disk, Logger } from "../../electron/agent/ports.ts";
import { FakeDisk } from "../support/fake-disk.ts";

/** Says nothing. */
export const silentLogger: Logger = { info: () => undefined, warn: () => undefined };

/** The value of a success; a failure ends the test with its code. */
export function value<T>(result: Result<T, { readonly code: string; readonly detail: string }>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.detail}`);
  return result.value;
}

/** An entry whose payload tells its place; `size` fills it up. */
export function entryAt(index: number, atTerm = 1, size = 0, kind: EntryKind = "data"): LogEntry {
  const payload = new TextEncoder().encode(`${atTerm}:${index} `.padEnd(size, "."));
  return { term: term(atTerm), index: logIndex(index), kind, payload };
}

/** Entries from `first` to `last`. */
export function entriesBetween(first: number, last: number, atTerm = 1, size = 0): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let index = first; index <= last; index++) entries.push(entryAt(index, atTerm, size));
  return entries;
}

/** A term with a vote for `voted`, or none. */
export function hardStateOf(atTerm: number, voted: string | null = null): HardState {
  return {
    term: term(atTerm),
    votedFor: voted === null ? null : memberId(voted),
    incarnation: null,
  };
}

/** Opens the log in `log/`. */
export async function openLog(
  disk: FakeDisk,
  options: Partial<LogOptions> = {},
): Promise<OpenedLog> {
  return value(await tryOpenLog(disk, options));
}

/** Opens the log in `log/`, or says why not. */
export function tryOpenLog(
  disk: FakeDisk,
  options: Partial<LogOptions> = {},
): ReturnType<typeof ReplicationLog.open> {
  return ReplicationLog.open(logOptions(disk, options));
}

/** For the log in `log/`. Small segments have a small reserve, which is made at every start. */
export function logOptions(disk: Disk, options: Partial<LogOptions> = {}): LogOptions {
  const segmentBytesMax = 64 * 1024;
  return { disk, folder: "log", logger: silentLogger, segmentBytesMax, ...options };
}

/** All entries kept, as `term:index payload` words. */
export function wordsOf(log: ReplicationLog): string[] {
  if (log.lastIndex < log.firstIndex) return [];
  return log
    .entriesFrom(log.firstIndex, Infinity)
    .map(
      (entry) => `${entry.term}:${entry.index} ${new TextDecoder().decode(entry.payload).trim()}`,
    );
}

/** A disk that holds exactly these files. */
export function diskWith(files: ReadonlyMap<string, Uint8Array>, seed = 1): FakeDisk {
  const disk = new FakeDisk({ seed });
  for (const [path, bytes] of files) disk.putFile(path, bytes);
  return disk;
}
