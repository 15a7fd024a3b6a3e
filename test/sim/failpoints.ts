/**
 * Names for the moments at which a crash is worth trying on purpose: before and after each kind
 * of step on the disk and each kind of call of the store. The product has no hooks for this; the
 * operation and the path tell what the agent is doing.
 */

/** One step of a process on its disk. */
export type DiskStep = {
  readonly operation:
    | "open"
    | "append"
    | "overwrite"
    | "truncate"
    | "sync"
    | "rename"
    | "remove"
    | "make-folder"
    | "sync-folder";
  readonly path: string;
  /** What a `rename` renames to `path`. */
  readonly from?: string;
};

/** Where a process can be ended on purpose. */
export const FAILPOINTS = [
  "append-segment",
  "sync-segment",
  "truncate-segment",
  "create-segment",
  "remove-segment",
  "write-hard-state",
  "sync-hard-state",
  "write-commit-hint",
  "write-snapshot",
  "sync-snapshot",
  "rename-snapshot",
  "remove-snapshot",
  "sync-log-folder",
  "sync-snapshot-folder",
  "write-receiving-snapshot",
  "sync-receiving-snapshot",
  "write-receiving-sums",
  "write-reserve",
  "sync-reserve",
  "mark-sync-failed",
  "write-copy",
  "sync-copy",
  "rename-copy",
  "write-cluster-record",
  "sync-cluster-record",
  "rename-cluster-record",
  "write-peer-memory",
  "rename-peer-memory",
  "write-put-aside",
  "sync-put-aside",
  "move-put-aside",
  "write-kept",
  "sync-kept",
  "rename-kept",
  "store-load",
  "store-apply",
  "store-capture",
  "store-image",
] as const;

/** One of them. */
export type Failpoint = (typeof FAILPOINTS)[number];

/** Steps that only a member takes whose disk was hurt: what is damaged goes, what is good stays. */
const REPAIR_FAILPOINTS: readonly Failpoint[] = [
  "write-put-aside",
  "sync-put-aside",
  "move-put-aside",
  "write-kept",
  "sync-kept",
  "rename-kept",
];

/** Whether only a member whose disk was hurt comes by it. */
export function isRepairStep(name: Failpoint): boolean {
  return REPAIR_FAILPOINTS.includes(name);
}

/** Right before a step, or right after it. */
export type FailpointMoment = { readonly name: Failpoint; readonly moment: "before" | "after" };

/** A crash that waits for its moment. */
export type ArmedFailpoint = FailpointMoment & {
  readonly kind: "killed" | "power-loss";
  /** All members wait for it; whoever comes by first is ended, and that is all. */
  isSpent: boolean;
};

/** The moments of a failpoint; what the store's worker does is never seen half done. */
export function momentsOf(name: Failpoint): readonly ArmedFailpoint["moment"][] {
  return name.startsWith("store-") ? ["after"] : ["before", "after"];
}

type Names = { readonly [operation in DiskStep["operation"]]?: Failpoint };

/** What may be done to the files whose path matches; the first match counts. */
const FILES: readonly (readonly [RegExp, Names])[] = [
  [/^log\/copy\.tmp$/, { append: "write-copy", sync: "sync-copy", rename: "rename-copy" }],
  [/^log\/kept\.tmp$/, { append: "write-kept", sync: "sync-kept", rename: "rename-kept" }],
  [/^log\/put-aside$/, both("write-put-aside", { sync: "sync-put-aside" })],
  [/^log\/reserve$/, { append: "write-reserve", sync: "sync-reserve" }],
  [/^log\/sync-failed$/, { open: "mark-sync-failed" }],
  [/^log\/hard-state/, both("write-hard-state", { sync: "sync-hard-state" })],
  [/^log\/commit-hint$/, both("write-commit-hint", {})],
  [
    /^log\/.*\.seg$/,
    {
      append: "append-segment",
      sync: "sync-segment",
      truncate: "truncate-segment",
      open: "create-segment",
      remove: "remove-segment",
    },
  ],
  [/^snapshots\/receiving\.sums$/, both("write-receiving-sums", {})],
  [
    /^snapshots\/receiving\.part$/,
    {
      append: "write-receiving-snapshot",
      sync: "sync-receiving-snapshot",
      rename: "rename-snapshot",
    },
  ],
  [
    /^snapshots\//,
    {
      append: "write-snapshot",
      sync: "sync-snapshot",
      rename: "rename-snapshot",
      remove: "remove-snapshot",
    },
  ],
  [
    /^cluster\.json/,
    {
      append: "write-cluster-record",
      sync: "sync-cluster-record",
      rename: "rename-cluster-record",
    },
  ],
  [/^peers\.json/, { append: "write-peer-memory", rename: "rename-peer-memory" }],
];

/** The failpoint of a disk step; null for one of no interest. */
export function failpointOf({ operation, path, from }: DiskStep): Failpoint | null {
  if (operation === "sync-folder") {
    if (path === "log") return "sync-log-folder";
    return path === "snapshots" ? "sync-snapshot-folder" : null;
  }
  if (operation === "rename" && /^log-damaged-/.test(path)) return "move-put-aside";
  const file = from ?? path;
  return FILES.find(([pattern]) => pattern.test(file))?.[1][operation] ?? null;
}

/** The failpoint of a call to the store; null for one of no interest. */
export function failpointOfStore(method: string): Failpoint | null {
  const name = `store-${method}`;
  return FAILPOINTS.find((each) => each === name) ?? null;
}

/** The same name for both ways of writing. */
function both(name: Failpoint, others: Names): Names {
  return { append: name, overwrite: name, ...others };
}
