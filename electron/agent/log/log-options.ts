/** What a log is opened with and what opening answers; see replication-log.ts. */
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import type { HardState } from "../../../shared/raft/types.ts";
import type { Disk, Logger } from "../ports.ts";
import type { DamageReport } from "./damage.ts";
import type { StoredIncarnation } from "./hard-state-format.ts";
import type { LogReadError } from "./log-error.ts";
import type { LogOpenReport } from "./log-open.ts";
import type { CoveredLog } from "./log-place.ts";

/** Default of `segmentBytesMax`. */
export const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;

/** Bugs planted by tests, to prove that the simulator finds such bugs. */
export type LogFaults = {
  /** Answers before the entries are on the disk. */
  readonly ackBeforeSync?: boolean;
  /** Stores the term but forgets whom this member voted for. */
  readonly skipHardState?: boolean;
};

/** What a log is opened with. */
export type LogOptions = {
  readonly disk: Disk;
  /** Holds the segments, both copies of the hard state, the commit hint and the reserve. */
  readonly folder: string;
  readonly logger: Logger;
  /** Whose log it is; files of other members are then recognised as such. */
  readonly self?: MemberId;
  /** ms since 1970: dates the segments, for a retention in days. */
  readonly wallMs?: () => number;
  /**
   * The newest snapshot, when it was read and is whole. A segment damaged before it is let go of,
   * as when the log is shortened: nothing that this member promised is lost.
   */
  readonly covered?: CoveredLog;
  /** Its index, 0 when there is none: what is read of a damaged log must begin no later. */
  readonly snapshotIndex?: number;
  /** A segment that reached this size gets no further batch. */
  readonly segmentBytesMax?: number;
  /** A segment older than this gets no further batch either, so that it can be let go of. */
  readonly segmentAgeMaxMs?: number;
  /** Memory for the newest entries. */
  readonly cacheBytesMax?: number;
  /**
   * Called once, when a record that was good at the start cannot be read or is not what was
   * stored. From then on the log stores nothing; the read itself throws.
   */
  readonly onReadError?: (error: LogReadError) => void;
  readonly faults?: LogFaults;
};

/** What the core needs to start, besides the log. */
export type OpenedState = {
  /** Its `incarnation` is null where `storedIncarnation` is not a number. */
  readonly hardState: HardState;
  readonly storedIncarnation: StoredIncarnation;
  /** Known to be committed, at least the index before the log's first; the truth may be higher. */
  readonly commitIndex: LogIndex;
  readonly report: LogOpenReport;
};

/** What is known besides the good part of a log. */
export type SalvagedState = {
  /** As far as it can be read; never with an incarnation: nothing here may vote. */
  readonly hardState: HardState;
  /**
   * Known to be committed. Where this member was the only voter, everything in the log was
   * acknowledged, except perhaps its last write.
   */
  readonly commitIndex: LogIndex;
  /** Null when everything that is there is whole. */
  readonly damage: DamageReport | null;
};
