/**
 * Moves snapshots between members: sends the newest one to members whose log fell behind the
 * kept window, and takes the leader's when this member is such a one. Chunks are paced by the
 * receiver's acknowledgements, so heartbeats and other members' entries pass in between; an
 * interrupted transfer goes on where it stopped.
 */
import { decodeConfiguration, encodeConfiguration } from "../../../shared/raft/configuration.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err } from "../../../shared/base/result.ts";
import { SNAPSHOT_CHUNK_BYTES_MAX } from "../../../shared/protocol/limits.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type {
  SnapshotBeginMessage,
  SnapshotChunkMessage,
  SnapshotMessage,
  SnapshotOutcome,
} from "../../../shared/protocol/snapshot.ts";
import type { RaftStatus, SnapshotMark } from "../../../shared/raft/types.ts";
import type { ReplicationLog } from "../log/replication-log.ts";
import type { SnapshotReader } from "../log/snapshot-reader.ts";
import type { SnapshotReceiver } from "../log/snapshot-receiver.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { StoreMethods } from "../../store-worker/messages.ts";
import type { Clock, DiskError, Logger, Store, Timer } from "../ports.ts";
import type { Applier } from "./applier.ts";
import type { RaftDriver } from "./raft-driver.ts";

type TransfersOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Store;
  readonly log: ReplicationLog;
  readonly files: SnapshotFiles;
  readonly applier: Applier;
  readonly driver: RaftDriver;
  readonly raftStatus: () => RaftStatus;
  readonly send: (to: MemberId, message: MemberMessage) => boolean;
  /** Makes a snapshot when there is none that joins the kept log. */
  readonly prepare: () => Promise<void>;
  /** Nothing else replaces the database meanwhile. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
};

type Sending = {
  readonly transferId: number;
  readonly reader: SnapshotReader;
  sentOffset: number;
  silence: Timer;
};

/** The snapshot is still being made. */
type Preparing = { readonly transferId: number; readonly reader: null };

type Receiving = {
  readonly transferId: number;
  readonly from: MemberId;
  readonly begin: SnapshotBeginMessage;
  readonly mark: SnapshotMark;
  readonly receiver: SnapshotReceiver;
};

/** Unacknowledged bytes in flight: enough for a fast LAN, small against a heartbeat's wait. */
const WINDOW_BYTES = 2 * 1024 * 1024;
/** A receiver that says nothing for so long is given up; the core asks again later. */
const SILENCE_MS = 10_000;
const LOAD_TRIES_MAX = 3;

/** All transfers of one member. */
export class SnapshotTransfers {
  readonly #options: TransfersOptions;
  readonly #sending = new Map<MemberId, Sending | Preparing>();
  #receiving: Receiving | null = null;
  /** Receiving writes to one file: one step after the other. */
  #receiveQueue: Promise<void> = Promise.resolve();
  #nextTransferId = 1;
  #isClosed = false;

  constructor(options: TransfersOptions) {
    this.#options = options;
  }

  /** Starts sending the newest snapshot; the core is told how it ended. */
  send(to: MemberId): void {
    if (this.#sending.has(to) || this.#isClosed) return;
    const transferId = this.#nextTransferId++;
    this.#sending.set(to, { transferId, reader: null });
    void this.#begin(to, transferId);
  }

  /** A message about a transfer. */
  onMessage(from: MemberId, message: SnapshotMessage): void {
    switch (message.type) {
      case "snapshot-progress":
        this.#onProgress(from, message.transferId, message.offset);
        return;
      case "snapshot-end":
        this.#onEnd(from, message.transferId, message.outcome);
        return;
      case "snapshot-begin":
        this.#enqueue(() => this.#onBegin(from, message));
        return;
      case "snapshot-chunk":
        this.#enqueue(() => this.#onChunk(from, message));
        return;
    }
  }

  /** The connection is gone. What was received stays for the next attempt. */
  onDown(peer: MemberId): void {
    this.#finishSending(peer, "failed");
    this.#enqueue(async () => {
      if (this.#receiving?.from === peer) await this.#dropReceiving();
    });
  }

  /** Replaces log and database by the received snapshot that the core took. */
  install(mark: SnapshotMark): Promise<DiskError | null> {
    return this.#options.exclusively(() => this.#install(mark));
  }

  /** Ends everything. */
  close(): void {
    this.#isClosed = true;
    for (const peer of [...this.#sending.keys()]) this.#finishSending(peer, "failed");
    this.#enqueue(() => this.#dropReceiving());
  }

  async #install(mark: SnapshotMark): Promise<DiskError | null> {
    const { files, applier, log, logger } = this.#options;
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

  async #begin(to: MemberId, transferId: number): Promise<void> {
    const { files, prepare, logger } = this.#options;
    await prepare();
    const opened = await files.openLatest();
    // The member may have gone meanwhile, and come back to a transfer of its own.
    const isWanted = this.#sending.get(to)?.transferId === transferId;
    if (!opened.ok || opened.value === null || !isWanted) {
      if (opened.ok) await opened.value?.close();
      if (isWanted) this.#finishSending(to, "failed");
      return;
    }
    const reader = opened.value;
    this.#sending.set(to, { transferId, reader, sentOffset: 0, silence: this.#watch(to) });
    const { mark, bodyBytes, sha256 } = reader.info;
    logger.info("snapshot-send", { to, index: mark.position.index, bytes: bodyBytes });
    const sent = this.#options.send(to, {
      type: "snapshot-begin",
      transferId,
      mark: {
        position: mark.position,
        configuration: encodeConfiguration(mark.configuration),
      },
      term: this.#options.raftStatus().term,
      sizeBytes: bodyBytes,
      sha256,
    });
    if (!sent) this.#finishSending(to, "failed");
  }

  #watch(to: MemberId): Timer {
    return this.#options.clock.after(SILENCE_MS, () => this.#finishSending(to, "failed"));
  }

  #onProgress(from: MemberId, transferId: number, offset: number): void {
    const sending = this.#sending.get(from);
    if (sending?.transferId !== transferId || sending.reader === null) return;
    sending.silence.cancel();
    sending.silence = this.#watch(from);
    if (offset > sending.sentOffset) sending.sentOffset = offset;
    const { bodyBytes } = sending.reader.info;
    while (sending.sentOffset < bodyBytes && sending.sentOffset - offset < WINDOW_BYTES) {
      const bytes = sending.reader.readChunk(sending.sentOffset, SNAPSHOT_CHUNK_BYTES_MAX);
      const chunk = { transferId, offset: sending.sentOffset, bytes };
      if (bytes.length === 0 || !this.#options.send(from, { type: "snapshot-chunk", ...chunk })) {
        this.#finishSending(from, "failed");
        return;
      }
      sending.sentOffset += bytes.length;
    }
  }

  #onEnd(from: MemberId, transferId: number, outcome: SnapshotOutcome): void {
    if (this.#sending.get(from)?.transferId === transferId) {
      this.#finishSending(from, outcome === "complete" ? "sent" : "failed");
    }
  }

  #finishSending(to: MemberId, outcome: "sent" | "failed"): void {
    const sending = this.#sending.get(to);
    if (sending === undefined) return;
    this.#sending.delete(to);
    if (sending.reader !== null) {
      sending.silence.cancel();
      void sending.reader.close();
    }
    if (!this.#isClosed) this.#options.driver.input((raft) => raft.reportSnapshot(to, outcome));
  }

  #enqueue(step: () => Promise<void>): void {
    this.#receiveQueue = this.#receiveQueue.then(step);
  }

  async #onBegin(from: MemberId, begin: SnapshotBeginMessage): Promise<void> {
    const configuration = decodeConfiguration(begin.mark.configuration);
    if (!configuration.ok || this.#isClosed) {
      this.#answerEnd(from, begin.transferId, "damaged");
      return;
    }
    await this.#dropReceiving();
    const mark = { position: begin.mark.position, configuration: configuration.value };
    const { sizeBytes: bodyBytes, sha256 } = begin;
    const begun = await this.#options.files.beginReceive({ mark, bodyBytes, sha256 });
    if (!begun.ok) {
      this.#options.logger.warn("snapshot-receive", { ...begun.error });
      this.#answerEnd(from, begin.transferId, "failed");
      return;
    }
    const { transferId } = begin;
    this.#receiving = { transferId, from, begin, mark, receiver: begun.value };
    await this.#acknowledge(this.#receiving);
  }

  async #onChunk(from: MemberId, chunk: SnapshotChunkMessage): Promise<void> {
    const receiving = this.#receiving;
    if (receiving?.from !== from || receiving.transferId !== chunk.transferId) return;
    const written = await receiving.receiver.write(chunk.offset, chunk.bytes);
    if (!written.ok) {
      this.#options.logger.warn("snapshot-receive", { ...written.error });
      this.#answerEnd(from, chunk.transferId, "failed");
      await this.#dropReceiving();
      return;
    }
    await this.#acknowledge(receiving);
  }

  async #acknowledge(receiving: Receiving): Promise<void> {
    const { receiver, from, transferId, begin, mark } = receiving;
    if (!receiver.isComplete) {
      const { offset } = receiver;
      this.#options.send(from, { type: "snapshot-progress", transferId, offset });
      return;
    }
    this.#receiving = null;
    const finished = await receiver.finish();
    if (!finished.ok) {
      this.#options.logger.warn("snapshot-receive", { ...finished.error });
      this.#answerEnd(from, transferId, "damaged");
      return;
    }
    this.#answerEnd(from, transferId, "complete");
    this.#options.driver.input((raft) => raft.receiveSnapshot(mark, from, begin.term));
  }

  #answerEnd(to: MemberId, transferId: number, outcome: SnapshotOutcome): void {
    this.#options.send(to, { type: "snapshot-end", transferId, outcome });
  }

  async #dropReceiving(): Promise<void> {
    const { receiver } = this.#receiving ?? {};
    this.#receiving = null;
    await receiver?.close();
  }
}
