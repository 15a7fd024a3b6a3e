/**
 * What the members' databases must never do. It stands between the agent and the store and sees
 * every batch that is applied and every image that is loaded.
 */
import { crc32 } from "node:zlib";
import { formatPosition } from "../../shared/base/ids.ts";
import type { MemberId, Position } from "../../shared/base/ids.ts";
import type {
  ApplyOutcome,
  CommittedEntry,
  StorePosition,
} from "../../electron/store-worker/messages.ts";
import { uphold } from "./violation.ts";

type AppliedEntry = { readonly term: number; readonly crc: number; readonly by: MemberId };
type SeenChecksum = { readonly checksum: string; readonly by: MemberId };

/** Everything the databases of one world ever held. */
export class StoreChecker {
  readonly #entries: (AppliedEntry | undefined)[] = [];
  readonly #checksums: (SeenChecksum | undefined)[] = [];
  readonly #positions = new WeakMap<object, Position>();
  #appliedCount = 0;

  /** Entries applied, on all members together. */
  get appliedCount(): number {
    return this.#appliedCount;
  }

  /** The whole database of this start of a member was replaced. */
  loaded(process: { readonly id: MemberId }, position: StorePosition): void {
    this.#positions.set(process, position.applied);
    this.#checkChecksum(process.id, position);
  }

  /** A batch went into the database, or did not fit. */
  applied(
    process: { readonly id: MemberId },
    entries: readonly CommittedEntry[],
    outcome: ApplyOutcome,
  ): void {
    uphold(outcome.type === "applied", "never-diverges", () => {
      return `${process.id}: ${outcome.type === "diverged" ? outcome.detail : ""}`;
    });
    let lastIndex = this.#positions.get(process)?.index ?? 0;
    for (const entry of entries) {
      const expected = lastIndex + 1;
      uphold(entry.index === expected, "applied-once-in-order", () => {
        return `${process.id} applied ${entry.index} after ${expected - 1}`;
      });
      lastIndex = entry.index;
      this.#checkEntry(process.id, entry);
    }
    this.#appliedCount += entries.length;
    uphold(outcome.position.applied.index === lastIndex, "applied-once-in-order", () => {
      return `${process.id} stands at ${formatPosition(outcome.position.applied)}, not ${lastIndex}`;
    });
    this.#positions.set(process, outcome.position.applied);
    this.#checkChecksum(process.id, outcome.position);
  }

  #checkEntry(member: MemberId, entry: CommittedEntry): void {
    const crc = entry.payload === null ? -1 : crc32(entry.payload);
    const known = this.#entries[entry.index];
    if (known === undefined) {
      this.#entries[entry.index] = { term: entry.term, crc, by: member };
      return;
    }
    uphold(known.term === entry.term && known.crc === crc, "same-entries-everywhere", () => {
      const theirs = `${known.term}:${entry.index}`;
      return `${member} applied ${entry.term}:${entry.index}, ${known.by} applied ${theirs}`;
    });
  }

  #checkChecksum(member: MemberId, position: StorePosition): void {
    const { applied, checksum } = position;
    const known = this.#checksums[applied.index];
    if (known === undefined) {
      this.#checksums[applied.index] = { checksum, by: member };
      return;
    }
    uphold(known.checksum === checksum, "same-index-same-checksum", () => {
      const where = formatPosition(applied);
      return `at ${where} ${member} has ${checksum}, ${known.by} had ${known.checksum}`;
    });
  }
}
