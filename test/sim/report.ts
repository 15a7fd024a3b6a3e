/** What people read when a run ends: totals, or everything needed to see a failure again. */
import type { SimOutcome } from "./run-seed.ts";
import type { SimOptions } from "./sim-options.ts";
import type { FaultKind } from "./fault-kinds.ts";

/** Sums over the worlds of a run. */
export class Totals {
  seeds = 0;
  #virtualMs = 0;
  #nightMs = 0;
  #events = 0;
  #acknowledged = 0;
  #reads = 0;
  #elections = 0;
  #applied = 0;
  #installs = 0;
  #firstWriteMsMax = 0;
  #termsMax = 0;

  /** Adds one world. */
  add(outcome: SimOutcome): void {
    this.seeds++;
    this.#virtualMs += outcome.virtualMs - outcome.nightMs;
    this.#nightMs += outcome.nightMs;
    this.#events += outcome.eventCount;
    this.#acknowledged += outcome.acknowledgedCount;
    this.#reads += outcome.readCount;
    this.#elections += outcome.electionCount;
    this.#applied += outcome.appliedCount;
    this.#installs += outcome.installCount;
    this.#firstWriteMsMax = Math.max(this.#firstWriteMsMax, outcome.peace.firstWriteMs);
    this.#termsMax = Math.max(this.#termsMax, outcome.peace.terms);
  }

  /** One line. Nights in which everybody slept are not counted as simulated time. */
  summary(realMs: number): string {
    const spentMs = Math.max(1, realMs);
    const perMinute = Math.round((this.seeds / spentMs) * 60_000);
    const speed = Math.round(this.#virtualMs / spentMs);
    return (
      `${this.seeds} seeds, ${perMinute}/min, ${hours(this.#virtualMs)} h simulated ` +
      `(and ${hours(this.#nightMs)} h of nights), ${speed} simulated s/s, ` +
      `${Math.round(this.#events / spentMs)}k events/s, ${this.#acknowledged} writes, ` +
      `${this.#reads} reads, ${this.#elections} elections, ${this.#applied} applied, ` +
      `${this.#installs} snapshots installed, peace after ${Math.round(this.#firstWriteMsMax)} ms ` +
      `and ${this.#termsMax} terms at most`
    );
  }
}

/** A failure: which promise, where, what was before it, and how to see it again. */
export function violationLines(outcome: SimOutcome, commit: string): readonly string[] {
  const { options, violation, tail, virtualMs, states } = outcome;
  const { bug, ...world } = options;
  return [
    "",
    `VIOLATION of ${violation?.invariant ?? ""} in seed ${options.seed} at ${virtualMs.toFixed(2)} ms`,
    violation?.detail ?? "",
    "",
    `The last ${tail.length} events (frames left out):`,
    ...tail,
    "",
    "The members:",
    ...states,
    "",
    `Commit: ${commit}`,
    `The world: ${JSON.stringify({ ...world, bug: bug?.name ?? null })}`,
    `Again:  ${againCommand(options)} --verbose`,
    `Fewer faults that do it, too:  ${againCommand(options)} --shrink`,
  ];
}

/** The command that runs this world again. */
export function againCommand(options: SimOptions): string {
  const bug = options.bug === null ? "" : ` --bug ${options.bug.name}`;
  return `npm run sim -- --seeds 1 --seed ${options.seed}${bug}${onlyArgument(options)}`;
}

function onlyArgument({ faultEveryMs, isShrunk }: SimOptions): string {
  if (!isShrunk) return "";
  const kinds = Object.keys(faultEveryMs) as FaultKind[];
  return ` --only ${kinds.length === 0 ? "none" : kinds.join(",")}`;
}

function hours(ms: number): string {
  return (ms / 3_600_000).toFixed(2);
}
