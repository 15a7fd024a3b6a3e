/**
 * The segments of one log, in order, and the only place that creates and removes their files.
 *
 * Invariant: there is always a segment; each follows the one before; a name is durable before
 * anything depends on it. Failures come back as they are; replication-log.ts decides on them.
 */
import { assert, defined } from "../../../shared/base/assert.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";
import type { SegmentHeader } from "./record-format.ts";
import { Segment } from "./segment.ts";

/** See the top of the file. */
export class SegmentList {
  readonly #disk: Disk;
  readonly #folder: string;
  #segments: Segment[];

  /** @param segments At least one; owned by the list from now on. */
  constructor(disk: Disk, folder: string, segments: readonly Segment[]) {
    assert(segments.length > 0, "a log has a segment");
    this.#disk = disk;
    this.#folder = folder;
    this.#segments = [...segments];
  }

  get first(): Segment {
    return this.#segments[0] as Segment;
  }

  get last(): Segment {
    return this.#segments.at(-1) as Segment;
  }

  /** All files together. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  }

  /** Bytes of all records after `index`. */
  bytesAfter(index: LogIndex): number {
    let sum = 0;
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const segment = this.#segments[i] as Segment;
      if (segment.lastIndex <= index) break;
      sum += segment.bytesAfter(index);
    }
    return sum;
  }

  /** Last index of the newest segment whose successor was begun at or before `ms`; 0 without one. */
  lastIndexBefore(ms: number): LogIndex {
    let found = logIndex(0);
    for (const [i, segment] of this.#segments.entries()) {
      const begunMs = this.#segments[i + 1]?.header.createdMs ?? 0;
      if (begunMs === 0 || begunMs > ms) continue;
      found = segment.lastIndex;
    }
    return found;
  }

  /** The segment that holds `index`. @param index From the first to the last stored one. */
  holding(index: LogIndex): Segment {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#segments[middle] as Segment).firstIndex <= index) low = middle;
      else high = middle - 1;
    }
    return this.#segments[low] as Segment;
  }

  /** A new, empty, durable segment at the end. */
  async add(header: SegmentHeader): Promise<Result<null, DiskError>> {
    const created = await createDurableSegment(this.#disk, this.#folder, header);
    if (!created.ok) return created;
    this.#segments.push(created.value);
    return ok(null);
  }

  /**
   * A new, empty, durable segment instead of all others.
   *
   * @returns the others; give them to `remove`. Until then a crash leaves both, and the higher
   *   generation counts.
   */
  async replaceAll(header: SegmentHeader): Promise<Result<readonly Segment[], DiskError>> {
    assert(header.generation > this.first.header.generation, "a replacement is a new generation");
    const created = await createDurableSegment(this.#disk, this.#folder, header);
    if (!created.ok) return created;
    const old = this.#segments;
    this.#segments = [created.value];
    return ok(old);
  }

  /** Removes the newest segments that hold nothing below `index`, newest first; one stays. */
  async dropFrom(index: LogIndex): Promise<Result<null, DiskError>> {
    while (this.#segments.length > 1 && this.last.firstIndex >= index) {
      const newest = defined(this.#segments.pop(), "the list is not empty");
      const removed = await this.remove([newest]);
      if (!removed.ok) return removed;
    }
    return ok(null);
  }

  /** Takes out the oldest segments that hold nothing above `index`; the newest one stays. */
  async dropThrough(index: LogIndex): Promise<Result<null, DiskError>> {
    const newest = this.#segments.length - 1;
    const keepFrom = this.#segments.findIndex((item, i) => item.lastIndex > index || i === newest);
    if (keepFrom === 0) return ok(null);
    const dropped = this.#segments.slice(0, keepFrom);
    this.#segments = this.#segments.slice(keepFrom);
    return this.remove(dropped);
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.close();
  }

  /** Removes files of segments taken out, in the given order, so that a crash leaves no gap. */
  async remove(segments: readonly Segment[]): Promise<Result<null, DiskError>> {
    for (const segment of segments) {
      await segment.close();
      const removed = await this.#disk.remove(segment.path);
      const named = removed.ok ? await this.#disk.syncFolder(this.#folder) : removed;
      if (!named.ok) return named;
    }
    return ok(null);
  }
}

/** Creates a segment whose header and name are on the disk when this answers ok. */
export async function createDurableSegment(
  disk: Disk,
  folder: string,
  header: SegmentHeader,
): Promise<Result<Segment, DiskError>> {
  const created = await Segment.create(disk, folder, header);
  if (!created.ok) return created;
  const synced = await created.value.sync();
  const named = synced.ok ? await disk.syncFolder(folder) : synced;
  if (named.ok) return created;
  await created.value.close();
  return named;
}
