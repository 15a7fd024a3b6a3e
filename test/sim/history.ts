/**
 * What clients asked and were told, and whether it all fits one order of events.
 *
 * Every write appends one row to the list of a key, so the final lists are the order in which the
 * writes took effect, and every answer can be held against them: a write's answer names its
 * place, a read at any level is the beginning of the list, and real time tells which rows a
 * linearizable read may not miss. This is a complete check for lists that only grow.
 */
import { checkAsOfMoment, checkLag } from "./as-of.ts";
import type { Leaderships } from "./leaderships.ts";
import type { FinalLists, ReadRecord, WriteName, WriteRecord } from "./operations.ts";
import { uphold } from "./violation.ts";

/** What of a world's leaders decides how new an answer may call itself. */
export type Leaders = { readonly leaderships: Leaderships; readonly electionMs: number };

/** All operations of one world. */
export class History {
  readonly writes: WriteRecord[] = [];
  readonly reads: ReadRecord[] = [];
  readonly #leaders: Leaders;

  constructor(leaders: Leaders) {
    this.#leaders = leaders;
  }

  /** Writes that were acknowledged. */
  get acknowledgedCount(): number {
    return this.writes.filter((write) => write.acknowledged !== null).length;
  }

  /** Holds every answer against the final state. @throws Violation */
  check(final: FinalLists): void {
    const places = placesOf(final);
    for (const write of this.writes) checkWrite(write, places);
    checkNothingInvented(places, this.writes);
    checkOrderOfWrites(this.writes, places);
    for (const read of this.reads) {
      checkPrefix(read, final.get(read.key) ?? []);
      checkOwnWrites(read);
      checkAsOf(read, this.writes, places);
      checkAsOfMoment(read, this.writes, this.#leaders.leaderships);
      checkLag(read, this.writes, this.#leaders);
      if (read.level === "bounded") checkBounded(read, this.writes, places);
    }
    checkSessions(this.reads);
    checkLinearizable(this.writes, this.reads, places);
  }
}

type Place = { readonly key: number; readonly rank: number };
type Places = ReadonlyMap<WriteName, Place>;

function placesOf(final: FinalLists): Places {
  const places = new Map<WriteName, Place>();
  for (const [key, rows] of final) {
    for (const [i, name] of rows.entries()) {
      uphold(!places.has(name), "applied-exactly-once", () => `${name} is in the lists twice`);
      places.set(name, { key, rank: i + 1 });
    }
  }
  return places;
}

function checkWrite(write: WriteRecord, places: Places): void {
  const place = places.get(write.name);
  const told = write.acknowledged;
  if (told !== null) {
    uphold(place !== undefined, "acknowledged-never-lost", () => {
      return `${write.name} was acknowledged by ${told.by} at ${told.index} and is gone`;
    });
    uphold(place.rank === told.rank, "answer-is-what-happened", () => {
      return `${write.name} was told rank ${told.rank} and has ${place.rank}`;
    });
  } else if (!write.isOpen) {
    uphold(place === undefined, "refused-never-happens", () => {
      return `${write.name} was refused for certain and is there all the same`;
    });
  }
}

function checkNothingInvented(places: Places, writes: readonly WriteRecord[]): void {
  const keyOf = new Map(writes.map((write) => [write.name, write.key]));
  for (const [name, place] of places) {
    uphold(keyOf.get(name) === place.key, "nothing-invented", () => {
      return `${name} is in list ${place.key}, where nobody wrote it`;
    });
  }
}

/** Acknowledged writes: log order is list order, and an answered one precedes a later asked one. */
function checkOrderOfWrites(writes: readonly WriteRecord[], places: Places): void {
  for (const group of groupBy(writes, (write) => write.key)) {
    const done = group
      .flatMap((write) => {
        const place = places.get(write.name);
        return write.acknowledged === null || place === undefined
          ? []
          : [{ write, told: write.acknowledged, rank: place.rank }];
      })
      .sort((a, b) => a.rank - b.rank);
    let askedLatestMs = -Infinity;
    let indexBefore = 0;
    for (const { write, told } of done) {
      uphold(told.index > indexBefore, "log-order-is-list-order", () => {
        return `${write.name} stands at ${told.index}, behind a row of ${indexBefore}`;
      });
      indexBefore = told.index;
      // Some write before it in the list was asked only after this one had been answered.
      uphold(askedLatestMs <= told.atMs, "writes-keep-real-time-order", () => {
        return `${write.name} was answered at ${told.atMs}, an earlier row asked ${askedLatestMs}`;
      });
      askedLatestMs = Math.max(askedLatestMs, write.askedAtMs);
    }
  }
}

function checkPrefix(read: ReadRecord, final: readonly WriteName[]): void {
  for (const [i, name] of read.rows.entries()) {
    uphold(final[i] === name, "reads-see-only-committed", () => {
      const where = `${read.level} read of key ${read.key} on ${read.member}`;
      return `${where} saw ${name} at ${i + 1}, final is ${String(final[i])}`;
    });
  }
}

function checkOwnWrites(read: ReadRecord): void {
  if (read.level !== "session" && read.level !== "linearizable") return;
  for (const name of read.ownWrites) {
    uphold(read.rows.includes(name), "reads-see-own-writes", () => {
      return `${read.level} read of ${read.client} on ${read.member} misses its own ${name}`;
    });
  }
}

/** "As of 7:18204" is the truth: all rows up to there and none after. */
function checkAsOf(read: ReadRecord, writes: readonly WriteRecord[], places: Places): void {
  const seen = new Set(read.rows);
  for (const write of writes) {
    if (write.key !== read.key || write.acknowledged === null || !places.has(write.name)) continue;
    const { index } = write.acknowledged;
    uphold(seen.has(write.name) === index <= read.asOfIndex, "as-of-is-true", () => {
      const has = seen.has(write.name) ? "shows" : "misses";
      return `a read on ${read.member} as of ${read.asOfIndex} ${has} ${write.name} of ${index}`;
    });
  }
}

/** Real clocks differ a little in speed; the bound is kept by the clock of the member asked. */
const CLOCK_RATE_SLACK = 1.03;

/** A bounded read shows every write that was acknowledged longer before than its bound. */
function checkBounded(read: ReadRecord, writes: readonly WriteRecord[], places: Places): void {
  const sinceMs = read.askedAtMs - read.maxStalenessMs * CLOCK_RATE_SLACK - 1;
  for (const write of writes) {
    const told = write.acknowledged;
    if (write.key !== read.key || told === null || told.atMs >= sinceMs) continue;
    const rank = places.get(write.name)?.rank ?? 0;
    uphold(rank <= read.rows.length, "bounded-reads-keep-their-bound", () => {
      const when = `asked at ${read.askedAtMs.toFixed(2)} on ${read.member}`;
      const bound = `within ${read.maxStalenessMs} ms`;
      return `a read ${bound}, ${when}, misses ${write.name}, told at ${told.atMs.toFixed(2)}`;
    });
  }
}

/** What a session once saw it sees again, on whichever member it asks. */
function checkSessions(reads: readonly ReadRecord[]): void {
  const seen = new Map<string, number>();
  for (const read of reads) {
    if (read.level !== "session") continue;
    const name = `${read.client} ${read.key}`;
    const before = seen.get(name) ?? 0;
    uphold(read.rows.length >= before, "sessions-never-go-back", () => {
      return `${read.client} saw ${before} rows of ${read.key}, then ${read.rows.length} on ${read.member}`;
    });
    seen.set(name, read.rows.length);
  }
}

/** Nothing acknowledged, and nothing shown by such a read, may be missing from a later one. */
function checkLinearizable(
  writes: readonly WriteRecord[],
  reads: readonly ReadRecord[],
  places: Places,
): void {
  const linearizable = reads.filter((read) => read.level === "linearizable");
  for (const read of linearizable) {
    const shown = read.rows.length;
    for (const write of writes) {
      const told = write.acknowledged;
      if (write.key !== read.key || told === null || told.atMs >= read.askedAtMs) continue;
      const rank = places.get(write.name)?.rank ?? 0;
      uphold(rank <= shown, "linearizable-reads", () => {
        const when = `asked at ${read.askedAtMs.toFixed(2)} on ${read.member}`;
        return `a read ${when} misses ${write.name}, acknowledged at ${told.atMs.toFixed(2)}`;
      });
    }
    for (const earlier of linearizable) {
      if (earlier.key !== read.key || earlier.answeredAtMs >= read.askedAtMs) continue;
      uphold(earlier.rows.length <= shown, "linearizable-reads", () => {
        const when = `asked at ${read.askedAtMs.toFixed(2)} on ${read.member}`;
        return `a read ${when} shows ${shown} rows, an earlier one ${earlier.rows.length}`;
      });
    }
  }
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => number): readonly (readonly T[])[] {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
