/**
 * Snapshots on the move: what this member sends (snapshot-sender.ts), what it receives
 * (snapshot-intake.ts), and the moment at which a received one replaces log and database.
 *
 * Transfer numbers are the sender's, so an end or a progress is for the sending side when that
 * knows the number, and for the receiving side otherwise.
 */
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import { err } from "../../../shared/base/result.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type { SnapshotMessage } from "../../../shared/protocol/snapshot.ts";
import type { RaftStatus, SnapshotMark } from "../../../shared/raft/types.ts";
import type { StoreMethods } from "../../store-worker/messages.ts";
import type { ReplicationLog } from "../log/replication-log.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { Clock, DiskError, Logger, Store } from "../ports.ts";
import type { Applier } from "./applier.ts";
import type { RaftDriver } from "./raft-driver.ts";
import { SnapshotIntake } from "./snapshot-intake.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import type { SnapshotSource } from "./snapshot-sender.ts";

type TransfersOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Store;
  readonly log: ReplicationLog;
  readonly files: SnapshotFiles;
  readonly applier: Applier;
  readonly driver: RaftDriver;
  readonly raftStatus: () => RaftStatus;
  /** Followers that are connected and well; empty where this member does not lead. */
  readonly sources: () => readonly SnapshotSource[];
  readonly isConnected: (member: MemberId) => boolean;
  readonly send: (to: MemberId, message: MemberMessage) => boolean;
  /** Makes a snapshot when there is none that joins the kept log. */
  readonly prepare: () => Promise<void>;
  /** Nothing else replaces the database meanwhile. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
};

const LOAD_TRIES_MAX = 3;

/** All transfers of one member. */
export class SnapshotTransfers {
  readonly #options: TransfersOptions;
  readonly #sender: SnapshotSender;
  readonly #intake: SnapshotIntake;

  constructor(options: TransfersOptions) {
    this.#options = options;
    const { clock, logger, files, log, driver, raftStatus, send } = options;
    const { sources, isConnected, prepare } = options;
    this.#sender = new SnapshotSender({
      ...{ clock, logger, files, sources, isConnected, send, prepare },
      keptFrom: () => logIndex(log.firstIndex - 1),
      term: () => raftStatus().term,
      report: (to, outcome) => driver.input((raft) => raft.reportSnapshot(to, outcome)),
    });
    this.#intake = new SnapshotIntake({
      ...{ clock, logger, files, send },
      term: () => raftStatus().term,
      take: (mark, leader, term) =>
        driver.input((raft) => raft.receiveSnapshot(mark, leader, term)) ?? false,
    });
  }

  /** Sees to it that a member gets a snapshot; the core is told how that ended. */
  send(to: MemberId): void {
    this.#sender.start(to);
  }

  /** A message about a transfer. */
  onMessage(from: MemberId, message: SnapshotMessage): void {
    switch (message.type) {
      case "snapshot-progress":
        this.#sender.onProgress(from, message.transferId, message.offset);
        return;
      case "snapshot-end":
        this.#sender.onEnd(from, message.transferId, message.outcome);
        this.#intake.onEnd(from, message.transferId);
        return;
      case "snapshot-request":
        this.#sender.onRequest(from, message);
        return;
      case "snapshot-offer":
        this.#intake.onOffer(from, message);
        return;
      case "snapshot-begin":
        this.#intake.onBegin(from, message);
        return;
      case "snapshot-chunk":
        this.#intake.onChunk(from, message);
        return;
    }
  }

  /** The connection is gone. */
  onDown(peer: MemberId): void {
    this.#sender.onDown(peer);
    this.#intake.onDown(peer);
  }

  /** The index behind which a member needs the log once it has the snapshot on its way to it. */
  pinOf(member: MemberId): LogIndex | null {
    return this.#sender.pinOf(member);
  }

  /** Replaces log and database by the received snapshot that the core took. */
  install(mark: SnapshotMark): Promise<DiskError | null> {
    return this.#options.exclusively(() => this.#install(mark));
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.#sender.close();
    await this.#intake.close();
  }

  /** Every step may be repeated: after a full disk, and after a crash by the next start. */
  async #install(mark: SnapshotMark): Promise<DiskError | null> {
    const { files, applier, log, logger } = this.#options;
    const adopted = await files.adoptReceived(mark);
    if (!adopted.ok) return adopted.error;
    const stored = await files.read();
    if (!stored.ok) return stored.error;
    const { position } = mark;
    if (stored.value?.mark.position.index !== position.index) {
      return { code: "storage-failed", detail: `the snapshot at ${position.index} is gone` };
    }
    await applier.suspend();
    const loaded = await this.#load(stored.value.image);
    if (!loaded.ok) return { code: "storage-failed", detail: loaded.error.detail };
    const reset = await log.resetTo(position, stored.value.chainHash);
    if (!reset.ok) return reset.error;
    applier.resume(loaded.value, position.index);
    this.#intake.installed();
    logger.info("snapshot-installed", { index: position.index });
    return null;
  }

  /** A query may end the store's thread while the image waits for its turn: then once more. */
  async #load(image: Uint8Array): Promise<StoreMethods["load"]["result"]> {
    const { store } = this.#options;
    for (let triesLeft = LOAD_TRIES_MAX; triesLeft > 0; triesLeft--) {
      const loaded = await store.call("load", { image }).catch(() => null);
      if (loaded !== null) return loaded;
    }
    return err({ code: "image-damaged", detail: "the store was gone while it was filled" });
  }
}
