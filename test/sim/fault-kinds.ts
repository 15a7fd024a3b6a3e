/**
 * Every kind of fault a world may have: how often it comes, and which row of the fault catalogue
 * (F1 to F35) it stands for. Worlds draw from this list in `sim-options.ts`, `nemesis.ts` carries
 * the kinds out, `coverage.ts` counts them. What a kind does is told in the files `faults-*.ts`.
 */

/** One kind of fault, or an operation that is done in the middle of them. */
export type FaultSpec = {
  /** Mean ms between two of the kind in worlds in which it is on: from busy to rare. */
  readonly everyMs: readonly [number, number];
  /** Rows of the catalogue. */
  readonly rows: string;
};

/** Those that take something from a disk that was safe on it: see `wounds.ts`. */
const WOUNDS = {
  "wiped-disk": { everyMs: [4_000, 15_000], rows: "F22" },
  "wiped-log": { everyMs: [4_000, 15_000], rows: "F6 F22" },
  "lost-hard-state": { everyMs: [4_000, 15_000], rows: "F6" },
  "rolled-back-disk": { everyMs: [4_000, 15_000], rows: "F21" },
  "damaged-log": { everyMs: [4_000, 15_000], rows: "F5" },
  "damaged-hard-state": { everyMs: [4_000, 15_000], rows: "F6" },
  "damaged-snapshot": { everyMs: [4_000, 15_000], rows: "F6" },
  "damaged-hint": { everyMs: [4_000, 15_000], rows: "F6" },
  "copied-folder": { everyMs: [5_000, 20_000], rows: "F20" },
} as const satisfies Record<string, FaultSpec>;

/** Name of a kind that hurts a disk. */
export type WoundKind = keyof typeof WOUNDS;

/** All kinds by name. */
export const FAULTS = {
  crash: { everyMs: [2_000, 10_000], rows: "F1" },
  "power-loss": { everyMs: [2_000, 10_000], rows: "F3 F4" },
  "crash-at-disk-step": { everyMs: [1_500, 8_000], rows: "F1" },
  "crash-at-failpoint": { everyMs: [500, 3_000], rows: "F2" },
  "crash-all": { everyMs: [6_000, 20_000], rows: "F3" },
  "graceful-restart": { everyMs: [4_000, 15_000], rows: "F24" },
  partition: { everyMs: [2_500, 10_000], rows: "F12" },
  bridge: { everyMs: [3_000, 10_000], rows: "F12" },
  ring: { everyMs: [3_000, 10_000], rows: "F12" },
  "one-way": { everyMs: [2_500, 10_000], rows: "F13" },
  "isolate-leader": { everyMs: [3_000, 10_000], rows: "F12" },
  "rotate-quorum": { everyMs: [3_000, 8_000], rows: "F1 F12" },
  reset: { everyMs: [500, 5_000], rows: "F14" },
  "reset-storm": { everyMs: [3_000, 12_000], rows: "F14" },
  "half-open": { everyMs: [1_500, 8_000], rows: "F14 F18" },
  "slow-link": { everyMs: [2_000, 8_000], rows: "F11" },
  pause: { everyMs: [2_000, 10_000], rows: "F16" },
  sleep: { everyMs: [4_000, 15_000], rows: "F15" },
  night: { everyMs: [5_000, 25_000], rows: "F15" },
  "slow-disk": { everyMs: [3_000, 10_000], rows: "F10" },
  "hung-disk": { everyMs: [4_000, 15_000], rows: "F10" },
  "sync-failure": { everyMs: [6_000, 20_000], rows: "F7" },
  "disk-full": { everyMs: [5_000, 15_000], rows: "F8" },
  "read-only-disk": { everyMs: [8_000, 25_000], rows: "F9" },
  "wall-jump": { everyMs: [2_000, 8_000], rows: "F17" },
  "wall-backwards": { everyMs: [4_000, 12_000], rows: "F17" },
  switchover: { everyMs: [2_000, 10_000], rows: "F24" },
  "transfer-storm": { everyMs: [3_000, 10_000], rows: "F24" },
  "add-mirror": { everyMs: [4_000, 12_000], rows: "F23" },
  remove: { everyMs: [6_000, 20_000], rows: "F23" },
  "re-add": { everyMs: [6_000, 20_000], rows: "F23" },
  promote: { everyMs: [3_000, 10_000], rows: "F23" },
  demote: { everyMs: [3_000, 10_000], rows: "F23" },
  upgrade: { everyMs: [1_000, 5_000], rows: "F27" },
  "store-restart": { everyMs: [3_000, 12_000], rows: "F26" },
  "back-up": { everyMs: [1_000, 5_000], rows: "F21" },
  ...WOUNDS,
} as const satisfies Record<string, FaultSpec>;

/** Name of a kind. */
export type FaultKind = keyof typeof FAULTS;

/** Names of the kinds that hurt a disk. */
export const WOUND_KINDS = Object.keys(WOUNDS) as readonly WoundKind[];

/** All names, in the order of the table. */
export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

/** Whether a kind hurts a disk. */
export function isWoundKind(kind: FaultKind): kind is WoundKind {
  return Object.hasOwn(WOUNDS, kind);
}
