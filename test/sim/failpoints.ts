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
  "store-load",
  "store-apply",
  "store-capture",
  "store-image",
] as const;

/** One of them. */
export type Failpoint = (typeof FAILPOINTS)[number];

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

/** The failpoint of a disk step; null for one of no interest. */
export function failpointOf(step: DiskStep): Failpoint | null {
  const { operation, path } = step;
  if (operation === "sync-folder") {
    if (path === "log") return "sync-log-folder";
    return path === "snapshots" ? "sync-snapshot-folder" : null;
  }
  if (path.includes("hard-state")) return ofHardState(operation);
  if (path.startsWith("snapshots/")) return ofSnapshot(operation);
  if (path.includes("commit-hint")) return ofCommitHint(operation);
  return path.endsWith(".seg") ? ofSegment(operation) : null;
}

/** The failpoint of a call to the store; null for one of no interest. */
export function failpointOfStore(method: string): Failpoint | null {
  const name = `store-${method}`;
  return FAILPOINTS.find((each) => each === name) ?? null;
}

function ofSegment(operation: DiskStep["operation"]): Failpoint | null {
  switch (operation) {
    case "append":
      return "append-segment";
    case "sync":
      return "sync-segment";
    case "truncate":
      return "truncate-segment";
    case "open":
      return "create-segment";
    case "remove":
      return "remove-segment";
    default:
      return null;
  }
}

function ofHardState(operation: DiskStep["operation"]): Failpoint | null {
  if (operation === "append" || operation === "overwrite") return "write-hard-state";
  return operation === "sync" ? "sync-hard-state" : null;
}

function ofCommitHint(operation: DiskStep["operation"]): Failpoint | null {
  return operation === "append" || operation === "overwrite" ? "write-commit-hint" : null;
}

function ofSnapshot(operation: DiskStep["operation"]): Failpoint | null {
  switch (operation) {
    case "append":
      return "write-snapshot";
    case "sync":
      return "sync-snapshot";
    case "rename":
      return "rename-snapshot";
    case "remove":
      return "remove-snapshot";
    default:
      return null;
  }
}
