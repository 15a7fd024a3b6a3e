import type { Coverage } from "./coverage.ts";
import type { PromiseChecker } from "./promise-checker.ts";
import type { RaftChecker } from "./raft-checker.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimDiscovery } from "./sim-discovery.ts";
import type { SimNetwork } from "./sim-network.ts";
import type { SimOptions } from "./sim-options.ts";
import type { Engine } from "./sim-store.ts";
import type { StoreChecker } from "./store-checker.ts";
import type { Trace } from "./trace.ts";

/** What the computers of one world share, and whom they tell. */
export type WorldParts<Member> = {
  readonly options: SimOptions;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly network: SimNetwork;
  readonly discovery: SimDiscovery;
  readonly promises: PromiseChecker;
  readonly raftChecker: RaftChecker;
  readonly storeChecker: StoreChecker;
  readonly coverage: Coverage;
  readonly makeEngine: () => Engine;
  /** Addresses of all members there are. */
  readonly addresses: () => readonly string[];
  /** A member acts now: it is checked when it has finished. */
  readonly touched: (member: Member) => void;
  /** A process that stood still goes on. */
  readonly woke: () => void;
  /** Its process ended at a disk step; somebody starts it again. */
  readonly crashed: (member: Member) => void;
  /** Its agent could not open its files. */
  readonly bootFailed: (member: Member, code: string) => void;
  /** A member took over a snapshot instead of the log. */
  readonly snapshotInstalled: () => void;
  /** Something was thrown that the product never throws. */
  readonly bug: (error: unknown) => void;
};
