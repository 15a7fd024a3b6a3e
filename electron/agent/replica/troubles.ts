/**
 * What a member does when its disk refuses or its database is not what the log says it must be.
 *
 * A disk that fails ends this member's leadership: another one takes over at once where one can. A
 * database that differs is a projection gone wrong, and the log is right: it is thrown away and
 * built again from the newest snapshot and the log. If it still differs then, the others are asked:
 * when they agree with each other and not with this member, the snapshot must be wrong, and this
 * member begins anew from theirs. When nobody can tell who is right, nobody's data is replaced, and
 * it says so. Every step is tried a bounded number of times.
 */
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import type { Clock, DiskError, Logger } from "../ports.ts";
import type { Applier } from "./applier.ts";
import type { RaftDriver } from "./raft-driver.ts";
import type { StorageState } from "./storage-state.ts";
import type { StoreRecovery } from "./store-recovery.ts";

type TroublesOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly storage: StorageState;
  readonly recovery: StoreRecovery;
  readonly applier: Applier;
  readonly driver: RaftDriver;
  readonly raftStatus: () => RaftStatus;
  /** Connected members. */
  readonly connected: () => readonly MemberId[];
  /** A member's checksum at an index; null when it cannot tell. */
  readonly checksumOf: (member: MemberId, index: LogIndex) => Promise<string | null>;
  /** Whether the rows here are what the log made of them. */
  readonly isOwnDataSound: () => Promise<boolean>;
  /** Lets another voter lead. @returns whether one was there to take over. */
  readonly beginHandOver: () => boolean;
  /** Gives up everything but the key and begins anew. @returns false when it may not any more. */
  readonly startOver: (detail: string) => Promise<boolean>;
  readonly electionMs: number;
  readonly onChange: () => void;
};

const QUIET_MS = 60_000;

/** One at a time. */
export class Troubles {
  readonly #options: TroublesOptions;
  /** The database was rebuilt since this process started. */
  #isRebuilt = false;
  #isBusy = false;
  /** While the database is rebuilt: ends the waiting for it. */
  #onDivergedAgain: (() => void) | null = null;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: TroublesOptions) {
    this.#options = options;
  }

  /** The disk refused. */
  onDiskError(error: DiskError): void {
    const { logger, storage, onChange } = this.#options;
    logger.warn("disk", { ...error });
    storage.diskError(error);
    this.#leaveLeadership();
    onChange();
  }

  /** The database differs from what the log says it must be. */
  onDiverged(detail: string): void {
    this.#onDivergedAgain?.();
    if (this.#isBusy) return;
    this.#say(detail);
    void this.#exclusively(() => (this.#isRebuilt ? this.#giveUp(detail) : this.#rebuild()));
  }

  /** The rows were repaired and proven. Whether they are the leader's, the next beat says. */
  onRepaired(): void {
    this.#quietUntilMs = Number.NEGATIVE_INFINITY;
    this.#options.storage.rebuilt();
    this.#options.onChange();
  }

  /** Another member holds other data at an index. */
  onMismatch(member: MemberId, index: LogIndex): void {
    const { clock, applier } = this.#options;
    if (this.#isBusy || !applier.isReadable || clock.nowMs() < this.#quietUntilMs) return;
    const own = this.#options.applier.checksumAt(index);
    this.#options.logger.warn("checksum-mismatch", { member, index, isRebuilt: this.#isRebuilt });
    const detail = `checksums differ at index ${index}`;
    // Of many computers that follow one, the one is the likelier to be wrong: it looks first.
    const isLeader = this.#options.raftStatus().role === "leader";
    void this.#exclusively(() =>
      isLeader ? this.#doubtAsLeader(detail) : this.#doubt(detail, { index, own }),
    );
  }

  async #doubtAsLeader(detail: string): Promise<void> {
    if (await this.#options.isOwnDataSound()) return this.#beQuiet();
    this.#say(detail);
    await this.#rebuild();
  }

  async #doubt(
    detail: string,
    at: { readonly index: LogIndex; readonly own: string | null },
  ): Promise<void> {
    if (!this.#isRebuilt) {
      this.#say(detail);
      return this.#rebuild();
    }
    const verdict = await this.#compare(at);
    this.#options.logger.warn("checksums-compared", { ...at, verdict });
    if (verdict === "some agree with this one") return this.#beQuiet();
    if (verdict === "they agree") return this.#giveUp(detail);
    this.#say(`${detail}, and nobody can tell which computer is right`);
    this.#beQuiet();
  }

  /** Beats compare ten times a second; what was looked into need not be so again soon. */
  #beQuiet(): void {
    this.#quietUntilMs = this.#options.clock.nowMs() + QUIET_MS;
  }

  /** Whether the others agree with each other against this member. */
  async #compare(at: {
    readonly index: LogIndex;
    readonly own: string | null;
  }): Promise<"they agree" | "some agree with this one" | "nobody can tell"> {
    const { connected, checksumOf } = this.#options;
    const asked = await Promise.all(connected().map((member) => checksumOf(member, at.index)));
    const told = asked.filter((checksum) => checksum !== null);
    if (told.includes(at.own ?? "")) return "some agree with this one";
    const areAlike = told.length >= 2 && told.every((checksum) => checksum === told[0]);
    return areAlike ? "they agree" : "nobody can tell";
  }

  /** The log is right: the database is made from it again. */
  async #rebuild(): Promise<void> {
    const { recovery, applier, storage, logger, onChange } = this.#options;
    this.#isRebuilt = true;
    const upTo = applier.position.applied.index;
    await recovery.run();
    const waiting = applier.reached(upTo);
    let isDivergedAgain = false;
    this.#onDivergedAgain = () => {
      isDivergedAgain = true;
      waiting.cancel();
    };
    await waiting.done;
    this.#onDivergedAgain = null;
    if (isDivergedAgain) return this.#giveUp("the log does not fit to the newest snapshot");
    if (!applier.isReadable) return;
    logger.info("database-rebuilt", { index: applier.position.applied.index });
    storage.rebuilt();
    onChange();
  }

  /** Rebuilt, and still not what the others have. */
  async #giveUp(detail: string): Promise<void> {
    const { connected, startOver, logger } = this.#options;
    this.#say(detail);
    this.#beQuiet();
    if (connected().length > 0 && (await startOver(detail))) return;
    logger.warn("stays-diverged", { detail });
  }

  #say(detail: string): void {
    const { storage, onChange } = this.#options;
    storage.diverged(detail);
    this.#leaveLeadership();
    onChange();
  }

  #leaveLeadership(): void {
    const { raftStatus, driver, clock, electionMs, beginHandOver, storage } = this.#options;
    if (raftStatus().role !== "leader" || !beginHandOver()) {
      driver.input((raft) => raft.stepDown());
      return;
    }
    // Whoever was to take over has not: leading on is not for a member in trouble.
    clock.after(electionMs, () => {
      if (!storage.isOk) driver.input((raft) => raft.stepDown());
    });
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true;
    await work();
    this.#isBusy = false;
  }
}
