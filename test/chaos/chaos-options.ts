/**
 * The command line of `npm run chaos`, and what each kind of run does when nothing else is said. It knows
 * names and numbers only; whether this machine can do it is asked elsewhere.
 */
import { err, ok, type Result } from "../../shared/base/result.ts";
import { commandFlags } from "../support/command-flags.ts";
import { DISK_KINDS } from "./lab-disk.ts";
import type { DiskKind } from "./lab-disk.ts";
import { FAULT_GROUPS, FAULT_NAMES } from "./schedule.ts";
import type { FaultName } from "./schedule.ts";

/** Kinds of runs. */
export const RUN_KINDS = ["schedules", "kill-cycles", "partitions", "damage", "reads"] as const;

/** See `CHAOS_USAGE`. */
export type RunKind = (typeof RUN_KINDS)[number];

/** What a run was asked for. */
export type ChaosOptions = {
  readonly kind: RunKind;
  readonly seed: number;
  readonly faults: readonly FaultName[];
  /** Labs take turns through these two lists. */
  readonly memberCounts: readonly number[];
  readonly disks: readonly DiskKind[];
  /** The run ends with the first of these that is reached; null: no such end. */
  readonly scheduleCountMax: number | null;
  readonly cycleCountMax: number | null;
  readonly operationCountMax: number | null;
  readonly minutesMax: number | null;
  readonly clientCount: number;
  readonly thinkMsMax: number;
  readonly jobCount: number;
  readonly isJson: boolean;
  readonly isLoud: boolean;
  /** Where what failed is kept. */
  readonly keepFolder: string;
};

/** The words that explain the options. */
export const CHAOS_USAGE = `npm run chaos -- [options]
  --only KIND        ${RUN_KINDS.join(" | ")} (default: schedules, of all faults)
  --seed S           of the first schedule; each next one is one higher (default: 1)
  --members LIST     3, 5 or 3,5 (default: 3,5 in turn)
  --disk LIST        ${DISK_KINDS.join(", ")}: of the members, in turn
  --faults LIST      ${FAULT_NAMES.join(", ")}
                     or groups: ${Object.keys(FAULT_GROUPS).join(", ")}
  --schedules N      end after so many schedules
  --cycles N         end after so many cycles (kill-cycles, damage)
  --operations N     end after so many operations of clients
  --minutes M        end after so long
  --clients N        at once on each cluster
  --think MS         a client waits up to so long between two operations
  --jobs N           so many clusters side by side, each a process (default: 1)
  --keep DIR         what failed is kept there (default: .cache/chaos)
  --loud             print what is done, while it is done
  --json             print JSON
`;

const DEFAULT_DISKS: Readonly<Record<RunKind, readonly DiskKind[]>> = {
  schedules: ["tmpfs", "lossy"],
  "kill-cycles": ["plain"],
  partitions: ["tmpfs"],
  damage: ["tmpfs"],
  reads: ["tmpfs"],
};
const DEFAULT_FAULTS: Readonly<Record<RunKind, readonly FaultName[]>> = {
  schedules: FAULT_NAMES,
  "kill-cycles": [],
  partitions: FAULT_GROUPS["partition"] ?? [],
  damage: [],
  // Nothing that takes a member out for long: this run is about what readers see.
  reads: ["kill", "pause", "isolate", "split", "one-way", "bridge", "slow-link", "switchover"],
};
const SCHEDULES_DEFAULT = 5;
/** Where members are started again and again, clients leave them the processors; readers do not. */
const LOAD: Readonly<Record<RunKind, { readonly clients: number; readonly thinkMs: number }>> = {
  schedules: { clients: 6, thinkMs: 4 },
  "kill-cycles": { clients: 4, thinkMs: 10 },
  partitions: { clients: 6, thinkMs: 4 },
  damage: { clients: 4, thinkMs: 10 },
  reads: { clients: 24, thinkMs: 0 },
};

/** Reads the command line; the error is a sentence. */
export function parseChaosOptions(args: readonly string[]): Result<ChaosOptions, string> {
  const flags = commandFlags({
    args: [...args],
    options: {
      only: { type: "string", default: "schedules" },
      seed: { type: "string", default: "1" },
      members: { type: "string", default: "3,5" },
      disk: { type: "string" },
      faults: { type: "string" },
      schedules: { type: "string" },
      cycles: { type: "string" },
      operations: { type: "string" },
      minutes: { type: "string" },
      clients: { type: "string" },
      think: { type: "string" },
      jobs: { type: "string", default: "1" },
      keep: { type: "string", default: ".cache/chaos" },
      loud: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  if (!flags.ok) return flags;
  const values = flags.value;
  const kind = RUN_KINDS.find((each) => each === values.only);
  if (kind === undefined) return err(`--only takes one of ${RUN_KINDS.join(", ")}.`);
  const memberCounts = values.members.split(",").map(Number);
  if (!memberCounts.every((count) => count === 3 || count === 5)) return err("--members: 3 or 5.");
  const disks = values.disk?.split(",") ?? DEFAULT_DISKS[kind];
  if (!disks.every(isDiskKind)) return err(`--disk takes a list of ${DISK_KINDS.join(", ")}.`);
  const faults = values.faults === undefined ? DEFAULT_FAULTS[kind] : faultsOf(values.faults);
  if (faults === null) return err(`--faults takes a list of ${FAULT_NAMES.join(", ")} or groups.`);
  const numbers = numbersOf(values);
  if (!numbers.ok) return numbers;
  const { seed, schedules, cycles, operations, minutes, clients, think, jobs } = numbers.value;
  const hasEnd = [schedules, cycles, operations, minutes].some((limit) => limit !== null);
  return ok({
    ...{ kind, faults, memberCounts, disks },
    seed: seed ?? 1,
    scheduleCountMax: hasEnd ? schedules : SCHEDULES_DEFAULT,
    ...{ cycleCountMax: cycles, operationCountMax: operations, minutesMax: minutes },
    clientCount: clients ?? LOAD[kind].clients,
    thinkMsMax: think ?? LOAD[kind].thinkMs,
    jobCount: Math.max(1, jobs ?? 1),
    ...{ isJson: values.json, isLoud: values.loud, keepFolder: values.keep },
  });
}

const NUMBER_NAMES = [
  "seed",
  "schedules",
  "cycles",
  "operations",
  "minutes",
  "clients",
  "think",
  "jobs",
] as const;

type Numbers = Readonly<Record<(typeof NUMBER_NAMES)[number], number | null>>;

function numbersOf(values: Readonly<Record<string, unknown>>): Result<Numbers, string> {
  const numbers: Record<string, number | null> = {};
  for (const name of NUMBER_NAMES) {
    const value = values[name];
    const number = value === undefined ? null : Number(value);
    if (number !== null && (!Number.isFinite(number) || number < 0)) {
      return err(`--${name} is a number from 0.`);
    }
    numbers[name] = number;
  }
  return ok(numbers as Numbers);
}

function faultsOf(text: string): readonly FaultName[] | null {
  const names = text.split(",").flatMap((word): readonly string[] => FAULT_GROUPS[word] ?? [word]);
  const faults = FAULT_NAMES.filter((name) => names.includes(name));
  return names.every((name) => faults.includes(name as FaultName)) ? faults : null;
}

function isDiskKind(text: string): text is DiskKind {
  return (DISK_KINDS as readonly string[]).includes(text);
}
