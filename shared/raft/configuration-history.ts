import { assert, defined } from "../base/assert.ts";
import type { LogIndex } from "../base/ids.ts";
import { decodeConfiguration } from "./configuration.ts";
import type { Configuration, LogEntry } from "./types.ts";

/** A configuration and the log index from which on it holds. */
export type PlacedConfiguration = {
  readonly index: LogIndex;
  readonly configuration: Configuration;
};

/**
 * The configurations of the log, newest last. The newest holds as soon as it is appended; a
 * truncation brings the one before back (§4.1). Older ones are kept as far back as the log is:
 * a snapshot at an applied index must carry the one in force there.
 */
export class ConfigurationHistory {
  /** Invariant: never empty; indexes ascend. */
  #placed: PlacedConfiguration[];

  constructor(base: PlacedConfiguration) {
    this.#placed = [base];
  }

  get latest(): PlacedConfiguration {
    return defined(this.#placed.at(-1), "there is always a configuration");
  }

  /** The one a truncation would bring back, if it is known. */
  get previous(): PlacedConfiguration | null {
    return this.#placed.at(-2) ?? null;
  }

  /** How many stand above an index. */
  countAbove(index: number): number {
    let count = 0;
    while ((this.#placed.at(-1 - count)?.index ?? -1) > index) count += 1;
    return count;
  }

  /** The one in force at an index; the oldest known for an index before it. */
  at(index: number): Configuration {
    const placed = this.#placed.findLast((each) => each.index <= index) ?? this.#placed[0];
    return defined(placed, "there is always a configuration").configuration;
  }

  /** Takes note of the configuration entries among these; others are skipped. */
  append(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.kind !== "configuration") continue;
      const decoded = decodeConfiguration(entry.payload);
      assert(decoded.ok, "a configuration entry was checked before it came into the log");
      assert(entry.index > this.latest.index, "configurations come in log order");
      this.#placed.push({ index: entry.index, configuration: decoded.value });
    }
  }

  /** The log was cut from `index` on. */
  truncateFrom(index: number): void {
    while (this.#placed.length > 1 && this.latest.index >= index) this.#placed.pop();
  }

  /** A snapshot replaced the log; of the old one only what was committed stays known. */
  restore(base: PlacedConfiguration, commitIndex: number): void {
    this.truncateFrom(commitIndex + 1);
    if (this.latest.index > commitIndex) this.#placed = [];
    this.#placed.push(base);
  }

  /** The log is kept from `firstIndex` on: nobody asks for what was in force long before. */
  forgetBefore(firstIndex: number): void {
    while (this.#placed.length > 1) {
      const second = defined(this.#placed[1], "there are two");
      if (second.index >= firstIndex) return;
      this.#placed.shift();
    }
  }
}
