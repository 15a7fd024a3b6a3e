/**
 * Takes a snapshot, from the leader or from the member it points to, and hands it to the
 * consensus core once it is whole and proven. What was received stays on the disk when a transfer
 * is cut, and the next one goes on behind it.
 *
 * One at a time, and none while the core is still installing the one before: what it was promised
 * must not be replaced under its hands.
 */
import type { LogIndex, MemberId, Term } from "../../../shared/base/ids.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type {
  SnapshotBeginMessage,
  SnapshotChunkMessage,
  SnapshotOfferMessage,
  SnapshotOutcome,
} from "../../../shared/protocol/snapshot.ts";
import { decodeConfiguration } from "../../../shared/raft/configuration.ts";
import type { SnapshotMark } from "../../../shared/raft/types.ts";
import type { SnapshotReceiver } from "../log/snapshot-receiver.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { Clock, Logger } from "../ports.ts";

type IntakeOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: SnapshotFiles;
  readonly term: () => Term;
  readonly send: (to: MemberId, message: MemberMessage) => boolean;
  /** Gives the core a whole one, as from `leader` in `term`. @returns whether it installs it. */
  readonly take: (mark: SnapshotMark, leader: MemberId, term: Term) => boolean;
};

/** The leader's word that another member has one. */
type Asked = {
  readonly leader: MemberId;
  /** The leader's number, for what it is told. */
  readonly offerId: number;
  readonly term: Term;
  readonly source: MemberId;
  readonly requestId: number;
  readonly indexMin: LogIndex;
};

type Receiving = {
  readonly transferId: number;
  readonly from: MemberId;
  readonly leader: MemberId;
  readonly term: Term;
  readonly asked: Asked | null;
  readonly mark: SnapshotMark;
  readonly receiver: SnapshotReceiver;
  toldLeaderAtMs: number;
};

/** How often a leader that pointed elsewhere hears that it goes on. */
const TELL_LEADER_MS = 1000;

/** All that one member receives. */
export class SnapshotIntake {
  readonly #options: IntakeOptions;
  /** Asked and not answered yet. */
  #asked: Asked | null = null;
  #receiving: Receiving | null = null;
  #isInstalling = false;
  #nextRequestId = 1;
  /** Receiving writes to one file: one step after the other. */
  #queue: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** The leader points to another member. */
  onOffer(from: MemberId, offer: SnapshotOfferMessage): void {
    this.#enqueue(() => this.#ask(from, offer));
  }

  /** An image is announced. */
  onBegin(from: MemberId, begin: SnapshotBeginMessage): void {
    this.#enqueue(() => this.#begin(from, begin));
  }

  /** A piece of it. */
  onChunk(from: MemberId, chunk: SnapshotChunkMessage): void {
    this.#enqueue(() => this.#chunk(from, chunk));
  }

  /** The other side ends it, or does not begin. */
  onEnd(from: MemberId, id: number): void {
    this.#enqueue(async () => {
      if (this.#asked?.source === from && this.#asked.requestId === id) this.#giveUpAsking();
      const receiving = this.#receiving;
      if (receiving === null) return;
      const isOfSender = receiving.from === from && receiving.transferId === id;
      const isOfLeader = receiving.asked?.leader === from && receiving.asked.offerId === id;
      if (isOfSender || isOfLeader) await this.#drop("failed");
    });
  }

  /** The connection is gone. What was received stays for the next attempt. */
  onDown(peer: MemberId): void {
    this.#enqueue(async () => {
      if (this.#asked?.source === peer) this.#giveUpAsking();
      if (this.#receiving?.from === peer) await this.#drop("failed");
    });
  }

  /** The core has what it took: the next one may come. */
  installed(): void {
    this.#isInstalling = false;
  }

  /** Ends everything; resolves when no file is open any more. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#enqueue(() => this.#drop(null));
    return this.#queue;
  }

  #enqueue(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(step);
  }

  async #ask(leader: MemberId, offer: SnapshotOfferMessage): Promise<void> {
    const { term, source, indexMin, transferId: offerId } = offer;
    if (this.#isClosed || this.#isInstalling || term < this.#options.term()) {
      this.#end(leader, offerId, "cancelled");
      return;
    }
    await this.#drop("cancelled");
    const requestId = this.#nextRequestId++;
    this.#asked = { leader, offerId, term, source, requestId, indexMin };
    const isSent = this.#options.send(source, { type: "snapshot-request", requestId, indexMin });
    if (!isSent) this.#giveUpAsking();
  }

  #giveUpAsking(): void {
    const asked = this.#asked;
    this.#asked = null;
    if (asked !== null) this.#end(asked.leader, asked.offerId, "failed");
  }

  async #begin(from: MemberId, begin: SnapshotBeginMessage): Promise<void> {
    const { transferId } = begin;
    const asked = this.#asked?.source === from ? this.#asked : null;
    if (asked !== null) this.#asked = null;
    const refusal = this.#refusalOf(begin, asked);
    if (refusal !== null) {
      this.#end(from, transferId, refusal);
      if (asked !== null) this.#end(asked.leader, asked.offerId, "failed");
      return;
    }
    await this.#drop("cancelled");
    const configuration = decodeConfiguration(begin.mark.configuration);
    const { sizeBytes: bodyBytes, sha256 } = begin;
    const leader = asked?.leader ?? from;
    const term = asked?.term ?? begin.term;
    if (!configuration.ok) {
      this.#end(from, transferId, "damaged");
      if (asked !== null) this.#end(asked.leader, asked.offerId, "failed");
      return;
    }
    const mark = { position: begin.mark.position, configuration: configuration.value };
    const begun = await this.#options.files.beginReceive({ mark, bodyBytes, sha256 });
    if (!begun.ok) {
      this.#options.logger.warn("snapshot-receive", { ...begun.error });
      this.#end(from, transferId, "failed");
      if (asked !== null) this.#end(asked.leader, asked.offerId, "failed");
      return;
    }
    const receiver = begun.value;
    const { offset } = receiver;
    this.#options.logger.info("snapshot-receive", { from, index: mark.position.index, offset });
    const origin = { transferId, from, leader, term, asked };
    this.#receiving = { ...origin, mark, receiver, toldLeaderAtMs: -Infinity };
    await this.#acknowledge(this.#receiving);
  }

  /** Whom this member did not ask must speak as a leader, and not as one of an older term. */
  #refusalOf(begin: SnapshotBeginMessage, asked: Asked | null): SnapshotOutcome | null {
    if (this.#isClosed || this.#isInstalling) return "cancelled";
    // The source may be ahead of the leader that pointed to it: that one can vouch for nothing later.
    if (begin.mark.position.term > (asked?.term ?? begin.term)) return "cancelled";
    if (asked !== null) return begin.mark.position.index < asked.indexMin ? "cancelled" : null;
    return begin.term === 0 || begin.term < this.#options.term() ? "cancelled" : null;
  }

  async #chunk(from: MemberId, chunk: SnapshotChunkMessage): Promise<void> {
    const receiving = this.#receiving;
    if (receiving?.from !== from || receiving.transferId !== chunk.transferId) return;
    const written = await receiving.receiver.write(chunk.offset, chunk.bytes, chunk.crc32);
    if (written.ok) return this.#acknowledge(receiving);
    this.#options.logger.warn("snapshot-receive", { ...written.error });
    await this.#drop("failed");
  }

  async #acknowledge(receiving: Receiving): Promise<void> {
    const { receiver, from, transferId } = receiving;
    if (receiver.isComplete) return this.#complete(receiving);
    const { offset } = receiver;
    this.#options.send(from, { type: "snapshot-progress", transferId, offset });
    this.#tellLeader(receiving);
  }

  #tellLeader(receiving: Receiving): void {
    const nowMs = this.#options.clock.nowMs();
    const { asked, receiver } = receiving;
    if (asked === null || nowMs - receiving.toldLeaderAtMs < TELL_LEADER_MS) return;
    receiving.toldLeaderAtMs = nowMs;
    const progress = { transferId: asked.offerId, offset: receiver.offset };
    this.#options.send(asked.leader, { type: "snapshot-progress", ...progress });
  }

  async #complete(receiving: Receiving): Promise<void> {
    const { receiver, mark, leader, term } = receiving;
    const { files, logger, take } = this.#options;
    this.#receiving = null;
    const finished = await receiver.finish();
    if (!finished.ok) {
      logger.warn("snapshot-receive", { ...finished.error });
      const isDamaged = finished.error.code === "snapshot-damaged";
      this.#tellEnd(receiving, isDamaged ? "damaged" : "failed");
      return;
    }
    this.#tellEnd(receiving, "complete");
    this.#isInstalling = !this.#isClosed && take(mark, leader, term);
    if (!this.#isInstalling && !this.#isClosed) await files.dropReceived();
  }

  /** Stops receiving, if it does; what is here stays. */
  async #drop(outcome: SnapshotOutcome | null): Promise<void> {
    const receiving = this.#receiving;
    this.#receiving = null;
    if (receiving === null) return;
    if (outcome !== null) this.#tellEnd(receiving, outcome);
    await receiving.receiver.close();
  }

  #tellEnd({ from, transferId, asked }: Receiving, outcome: SnapshotOutcome): void {
    this.#end(from, transferId, outcome);
    if (asked === null) return;
    // That the source's bytes were wrong is between it and this member.
    this.#end(asked.leader, asked.offerId, outcome === "damaged" ? "failed" : outcome);
  }

  #end(to: MemberId, transferId: number, outcome: SnapshotOutcome): void {
    this.#options.send(to, { type: "snapshot-end", transferId, outcome });
  }
}
