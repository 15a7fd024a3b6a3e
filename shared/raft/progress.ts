import type { LogIndex, MemberId } from "../base/ids.ts";
import { ByteWindow } from "./byte-window.ts";
import { INFLIGHT_APPENDS_MAX } from "./limits.ts";
import type { Progress, Seat } from "./types.ts";

/** What the leader knows of one other member, and what it has on the way to it. */
export class MemberProgress {
  readonly id: MemberId;
  /** Of its seat; what it says under another one does not count. */
  readonly incarnation: number;
  /** Highest index known stored there. Invariant: never decreases, and is below `nextIndex`. */
  matchIndex = 0;
  /** `matchIndex` when the invariants were asserted last. */
  assertedMatchIndex = 0;
  nextIndex: number;
  mode: Progress["mode"] = "probe";
  /** In `probe`: one append is out; the next waits for its answer or for a heartbeat's. */
  isProbeSent = false;
  /** In `probe`: entries were sent once; further probes carry none, however long the silence. */
  hasProbedWithEntries = false;
  /** In `replicate`: what was sent and not acknowledged. */
  readonly inflight = new ByteWindow();
  /** In `snapshot`: when to give up waiting for the ack; null while the image is being sent. */
  snapshotRetryAtMs: number | null = null;
  /** When it was last heard, or when this leadership began. */
  heardAtMs: number;
  /** Gaps in time since then that were not counted as its silence. */
  forgivenGapCount = 0;
  /** Whether it answered at all in this leadership. */
  isHeard = false;
  /** Highest heartbeat round it answered. */
  ackedRound = 0;
  /** Commit index it was told last. */
  sentCommitIndex = 0;
  /** `matchIndex` when it last answered a heartbeat: tells a lost append from a slow one. */
  matchIndexAtHeartbeat = -1;

  constructor(seat: Seat, nextIndex: number, nowMs: number) {
    this.id = seat.id;
    this.incarnation = seat.incarnation;
    this.nextIndex = nextIndex;
    this.heardAtMs = nowMs;
  }

  /** Starts over from what is certain. */
  becomeProbe(nextIndex: number): void {
    this.mode = "probe";
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1);
    this.isProbeSent = false;
    this.hasProbedWithEntries = false;
    this.inflight.clear();
    this.snapshotRetryAtMs = null;
  }

  /** The match is known: appends follow each other without waiting. */
  becomeReplicate(): void {
    this.mode = "replicate";
    this.nextIndex = this.matchIndex + 1;
    this.isProbeSent = false;
    this.inflight.clear();
    this.snapshotRetryAtMs = null;
  }

  /** Only an image helps; nothing is appended until it is acknowledged. */
  becomeSnapshot(): void {
    this.mode = "snapshot";
    this.isProbeSent = false;
    this.inflight.clear();
    this.snapshotRetryAtMs = null;
  }

  /** Whether an append may leave now. */
  mayAppend(inflightBytesMax: number): boolean {
    switch (this.mode) {
      case "probe":
        return !this.isProbeSent;
      case "replicate":
        return (
          this.inflight.totalBytes < inflightBytesMax && this.inflight.count < INFLIGHT_APPENDS_MAX
        );
      case "snapshot":
        return false;
    }
  }

  /** A picture for the status. @param isActive Heard within the election timeout. */
  describe(isActive: boolean): Progress {
    const matchIndex = this.matchIndex as LogIndex;
    const { id, incarnation, mode } = this;
    return { id, incarnation, matchIndex, mode, isActive };
  }
}
