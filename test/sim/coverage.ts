/**
 * What the worlds of a run really did: how often each fault came and each failpoint was reached.
 * A fault that never comes finds nothing, and nobody would notice without this table.
 */
import { FAILPOINTS, momentsOf } from "./failpoints.ts";
import type { ArmedFailpoint, Failpoint, FailpointMoment } from "./failpoints.ts";
import { FAULTS, FAULT_KINDS } from "./fault-kinds.ts";
import type { FaultKind } from "./fault-kinds.ts";

/** Faults that no kind of its own stands for. */
export type ExtraFault = "fell-leader" | "left-off-in-peace";

/** What was wanted and did not come to pass: counted, so that it is seen when it grows. */
export type Miss = "truce that did not gather" | "wound without anything to hurt";
const MISSES: readonly Miss[] = ["truce that did not gather", "wound without anything to hurt"];

/** Counts of one world. */
export class Coverage {
  readonly #counts = new Map<string, number>();
  readonly #passed = new Set<Failpoint>();
  readonly #tries = new Map<string, number>();

  /** A fault came. */
  fault(kind: FaultKind | ExtraFault): void {
    this.#add(`fault ${kind}`);
  }

  /** A fault was wanted and did not come to pass. */
  missed(miss: Miss): void {
    this.#add(miss);
  }

  /** A process comes by a failpoint. */
  passed(name: Failpoint): void {
    this.#passed.add(name);
  }

  /** Moments that this world has passed and where a crash was tried least often so far. */
  leastTried(): readonly FailpointMoment[] {
    const passed = FAILPOINTS.filter((name) => this.#passed.has(name));
    const moments = passed.flatMap((name) => momentsOf(name).map((moment) => ({ name, moment })));
    const triesOf = ({ name, moment }: FailpointMoment): number =>
      this.#tries.get(`${moment} ${name}`) ?? 0;
    const least = Math.min(...moments.map(triesOf));
    return moments.filter((each) => triesOf(each) === least);
  }

  /** A crash waits for this moment now. */
  tried({ name, moment }: FailpointMoment): void {
    const key = `${moment} ${name}`;
    this.#tries.set(key, (this.#tries.get(key) ?? 0) + 1);
  }

  /** A process was ended at a failpoint. */
  crashedAt({ name, moment }: ArmedFailpoint): void {
    this.#add(`failpoint ${moment} ${name}`);
  }

  /** Times by name. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  #add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}

/** Everything that must come, whether it came or not. */
export function coverageNames(): readonly string[] {
  return [
    ...FAULT_KINDS.map((kind) => `fault ${kind}`),
    "fault fell-leader",
    "fault left-off-in-peace",
    ...FAILPOINTS.flatMap((name) => {
      return momentsOf(name).map((moment) => `failpoint ${moment} ${name}`);
    }),
  ];
}

/** Counts over many worlds. */
export class CoverageTable {
  readonly #rows = new Map<string, { times: number; worlds: number }>();

  constructor() {
    for (const name of [...coverageNames(), ...MISSES])
      this.#rows.set(name, { times: 0, worlds: 0 });
  }

  /** Adds what one world did. */
  add(counts: ReadonlyMap<string, number>): void {
    for (const [name, times] of counts) {
      const row = this.#rows.get(name) ?? { times: 0, worlds: 0 };
      this.#rows.set(name, { times: row.times + times, worlds: row.worlds + 1 });
    }
  }

  /** Names of what must come and never came. */
  missing(): readonly string[] {
    return coverageNames().filter((name) => this.timesOf(name) === 0);
  }

  /** How often this came. */
  timesOf(name: string): number {
    return this.#rows.get(name)?.times ?? 0;
  }

  /** Lines for people: name, times, worlds, and the rows of the fault catalogue. */
  lines(): readonly string[] {
    const head = `${"what".padEnd(44)}${"times".padStart(9)}${"worlds".padStart(9)}  catalogue`;
    const rows = [...this.#rows].map(([name, { times, worlds }]) => {
      const counts = `${String(times).padStart(9)}${String(worlds).padStart(9)}`;
      return `${name.padEnd(44)}${counts}  ${rowsOf(name)}`.trimEnd();
    });
    return [head, ...rows];
  }
}

function rowsOf(name: string): string {
  const kind = FAULT_KINDS.find((each) => name === `fault ${each}`);
  if (kind !== undefined) return FAULTS[kind].rows;
  if (name.startsWith("failpoint")) return "F2";
  return name.startsWith("fault") ? "F1 F12" : "";
}
