/**
 * Gives snapshots to members whose log fell behind the kept window.
 *
 * The leader points to a follower that has a fitting one, so that the member whose processor and
 * network everybody waits for is spared; it serves one itself when there is no such follower, the
 * receiver speaks an older protocol, or that way failed. Any member serves whoever was pointed to
 * it. Nothing is believed for that: the receiver checks every piece and the whole.
 */
import { crc32 } from "node:zlib";
import { NO_BYTES } from "../../../shared/base/bytes.ts";
import { logIndex, term as asTerm } from "../../../shared/base/ids.ts";
import type { LogIndex, MemberId, Term } from "../../../shared/base/ids.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type { SnapshotOutcome, SnapshotRequestMessage } from "../../../shared/protocol/snapshot.ts";
import { encodeConfiguration } from "../../../shared/raft/configuration.ts";
import type { SnapshotReader } from "../log/snapshot-reader.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { Clock, Logger, Timer } from "../ports.ts";
import { SendWindow } from "./send-window.ts";

/** A follower that could serve, and where its newest snapshot stands. */
export type SnapshotSource = { readonly id: MemberId; readonly snapshotIndex: LogIndex };

type SenderOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: SnapshotFiles;
  /** The index before the kept log: an older snapshot does not join it. */
  readonly keptFrom: () => LogIndex;
  readonly term: () => Term;
  /** Followers that are connected and well; empty where this member does not lead. */
  readonly sources: () => readonly SnapshotSource[];
  readonly isConnected: (member: MemberId) => boolean;
  readonly send: (to: MemberId, message: MemberMessage) => boolean;
  /** Makes a snapshot when there is none that joins the kept log. */
  readonly prepare: () => Promise<void>;
  /** What the core wanted sent has ended. */
  readonly report: (to: MemberId, outcome: "sent" | "failed") => void;
};

type Sending = {
  readonly kind: "sending";
  readonly transferId: number;
  readonly reader: SnapshotReader;
  readonly window: SendWindow;
  /** The core wanted it; otherwise the receiver asked, pointed here by the leader. */
  readonly isOurs: boolean;
  silence: Timer;
};

type Outgoing =
  /** The snapshot is still being made or opened. */
  | { readonly kind: "preparing"; readonly transferId: number; readonly isOurs: boolean }
  /** Another member serves it. */
  | {
      readonly kind: "offered";
      readonly transferId: number;
      readonly source: MemberId;
      silence: Timer;
    }
  | Sending;

/** A receiver that says nothing for so long is given up; the core asks again later. */
const SILENCE_MS = 10_000;

/** Others served at a time. */
const SERVED_COUNT_MAX = 3;

/** How often one follower is pointed to for one receiver before the leader serves it itself. */
const TRIES_PER_SOURCE_MAX = 2;

/** The log behind a snapshot is kept so long after it arrived, for the receiver to install it. */
const PIN_MS = 120_000;

/** All that one member sends. */
export class SnapshotSender {
  readonly #options: SenderOptions;
  readonly #outgoing = new Map<MemberId, Outgoing>();
  readonly #failures = new Map<MemberId, Map<MemberId, number>>();
  readonly #pins = new Map<MemberId, { readonly index: LogIndex; readonly untilMs: number }>();
  #nextTransferId = 1;
  /** While this member's own snapshots are read whole, because one gave wrong bytes or none. */
  #doubting: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** The core wants `to` to get a snapshot; it is told how that ended. */
  start(to: MemberId): void {
    const before = this.#outgoing.get(to);
    if (this.#isClosed || (before !== undefined && isOurs(before))) return;
    // Somebody else had pointed it here; now this member leads.
    if (before !== undefined) this.#finish(to, "failed");
    if (!this.#options.isConnected(to)) {
      // The core asks at every heartbeat; who is away costs no file and no line in the log.
      this.#options.report(to, "failed");
      return;
    }
    const transferId = this.#nextTransferId++;
    if (this.#offer(to, transferId)) return;
    this.#outgoing.set(to, { kind: "preparing", transferId, isOurs: true });
    void this.#prepareAndBegin(to, transferId);
  }

  /** A member was pointed here. */
  onRequest(from: MemberId, request: SnapshotRequestMessage): void {
    const { files, send } = this.#options;
    const isServed = this.#outgoing.has(from) || this.#outgoing.size >= SERVED_COUNT_MAX;
    const index = files.latest()?.mark.position.index ?? 0;
    if (this.#isClosed || isServed || index === 0 || index < request.indexMin) {
      send(from, { type: "snapshot-end", transferId: request.requestId, outcome: "failed" });
      return;
    }
    const transferId = this.#nextTransferId++;
    this.#outgoing.set(from, { kind: "preparing", transferId, isOurs: false });
    void this.#begin(from, transferId, false);
  }

  /** The receiver has everything before `offset`. */
  onProgress(from: MemberId, transferId: number, offset: number): void {
    const outgoing = this.#outgoing.get(from);
    if (outgoing?.transferId !== transferId || outgoing.kind === "preparing") return;
    outgoing.silence.cancel();
    outgoing.silence = this.#watch(from);
    if (outgoing.kind === "offered") return;
    outgoing.window.acknowledged(offset, this.#options.clock.nowMs());
    this.#fillWindow(from, outgoing);
  }

  /** The receiver says how it ended. */
  onEnd(from: MemberId, transferId: number, outcome: SnapshotOutcome): void {
    const outgoing = this.#outgoing.get(from);
    if (outgoing?.transferId !== transferId) return;
    // It may be this member's disk that gave wrong bytes.
    if (outgoing.kind === "sending" && outcome === "damaged") this.#doubtOwn();
    this.#finish(from, outcome === "complete" ? "sent" : "failed");
  }

  /** The connection is gone. */
  onDown(peer: MemberId): void {
    this.#finish(peer, "failed");
    this.#failures.delete(peer);
    this.#pins.delete(peer);
  }

  /**
   * Where the snapshot stands that a member is getting, or has got and may be installing: without
   * the log behind it, it would need another one. null when there is none.
   */
  pinOf(to: MemberId): LogIndex | null {
    const pin = this.#pins.get(to);
    return pin !== undefined && pin.untilMs >= this.#options.clock.nowMs() ? pin.index : null;
  }

  /** Ends everything; the core is told nothing more. */
  close(): void {
    this.#isClosed = true;
    for (const peer of [...this.#outgoing.keys()]) this.#finish(peer, "failed");
  }

  /** @returns whether another member was found to serve it. */
  #offer(to: MemberId, transferId: number): boolean {
    const { send, keptFrom, term, logger } = this.#options;
    const indexMin = keptFrom();
    const source = this.#sourceFor(to, indexMin);
    if (source === null) return false;
    const { id, snapshotIndex } = source;
    const offer = { transferId, term: term(), source: id, indexMin };
    if (!send(to, { type: "snapshot-offer", ...offer })) return false;
    logger.info("snapshot-offer", { to, source: id, index: snapshotIndex });
    const silence = this.#watch(to);
    this.#outgoing.set(to, { kind: "offered", transferId, source: id, silence });
    this.#pin(to, snapshotIndex);
    return true;
  }

  /** The one with the newest snapshot among those that serve the fewest. */
  #sourceFor(to: MemberId, indexMin: LogIndex): SnapshotSource | null {
    const failures = this.#failures.get(to);
    const fitting = this.#options.sources().filter(({ id, snapshotIndex }) => {
      const isWorthIt = (failures?.get(id) ?? 0) < TRIES_PER_SOURCE_MAX;
      return id !== to && snapshotIndex > 0 && snapshotIndex >= indexMin && isWorthIt;
    });
    const load = ({ id }: SnapshotSource): number => {
      const offers = [...this.#outgoing.values()].filter((each) => each.kind === "offered");
      return offers.filter(({ source }) => source === id).length;
    };
    fitting.sort((a, b) => load(a) - load(b) || b.snapshotIndex - a.snapshotIndex);
    return fitting[0] ?? null;
  }

  async #prepareAndBegin(to: MemberId, transferId: number): Promise<void> {
    await this.#doubting;
    await this.#options.prepare();
    await this.#begin(to, transferId, true);
  }

  async #begin(to: MemberId, transferId: number, isWanted: boolean): Promise<void> {
    const { files, logger, send, term } = this.#options;
    const opened = await files.openLatest();
    // The member may have gone meanwhile, and come back to a transfer of its own.
    const isCurrent = this.#outgoing.get(to)?.transferId === transferId;
    if (!opened.ok || opened.value === null || !isCurrent) {
      if (opened.ok) await opened.value?.close();
      if (isCurrent) this.#finish(to, "failed");
      return;
    }
    const reader = opened.value;
    const { mark, bodyBytes: sizeBytes, sha256 } = reader.info;
    const silence = this.#watch(to);
    const window = new SendWindow();
    const sending = { transferId, reader, window, isOurs: isWanted, silence };
    this.#outgoing.set(to, { kind: "sending", ...sending });
    if (isWanted) this.#pin(to, mark.position.index);
    logger.info("snapshot-send", { to, index: mark.position.index, bytes: sizeBytes });
    const configuration = encodeConfiguration(mark.configuration);
    const isSent = send(to, {
      type: "snapshot-begin",
      transferId,
      mark: { position: mark.position, configuration },
      // Only a leader has a term to speak for: the receiver follows whoever it comes from.
      term: isWanted ? term() : asTerm(0),
      sizeBytes,
      sha256,
    });
    if (!isSent) this.#finish(to, "failed");
  }

  #fillWindow(to: MemberId, { transferId, reader, window }: Sending): void {
    const { clock, send } = this.#options;
    for (;;) {
      const offset = window.nextOffset ?? 0;
      if (offset >= reader.info.bodyBytes || window.pieceBytes === 0) return;
      const bytes = this.#readPiece(reader, offset, window.pieceBytes);
      if (bytes.length === 0) {
        this.#doubtOwn();
        send(to, { type: "snapshot-end", transferId, outcome: "failed" });
        this.#finish(to, "failed");
        return;
      }
      const piece = { transferId, offset, bytes, crc32: crc32(bytes) };
      if (!send(to, { type: "snapshot-chunk", ...piece })) {
        this.#finish(to, "failed");
        return;
      }
      window.sent(bytes.length, clock.nowMs());
    }
  }

  /**
   * Reading the newest one whole puts it aside if it is damaged: another is sent, or made, when the core asks
   * again. Without this the same bytes would fail for ever.
   */
  #doubtOwn(): void {
    const { files, logger } = this.#options;
    this.#doubting ??= files.read().then((read) => {
      this.#doubting = null;
      if (!read.ok) logger.warn("snapshot-read", { ...read.error });
    });
  }

  /** Empty when the disk does not give it. */
  #readPiece(reader: SnapshotReader, offset: number, length: number): Uint8Array {
    try {
      return reader.readChunk(offset, length);
    } catch (failure) {
      this.#options.logger.warn("snapshot-read", { detail: String(failure), offset });
      return NO_BYTES;
    }
  }

  #watch(to: MemberId): Timer {
    return this.#options.clock.after(SILENCE_MS, () => {
      const transferId = this.#outgoing.get(to)?.transferId ?? 0;
      this.#options.send(to, { type: "snapshot-end", transferId, outcome: "cancelled" });
      this.#finish(to, "failed");
    });
  }

  #pin(to: MemberId, index: LogIndex): void {
    this.#pins.set(to, { index: logIndex(index), untilMs: Infinity });
  }

  #finish(to: MemberId, outcome: "sent" | "failed"): void {
    const outgoing = this.#outgoing.get(to);
    if (outgoing === undefined) return;
    this.#outgoing.delete(to);
    if (outgoing.kind !== "preparing") outgoing.silence.cancel();
    if (outgoing.kind === "sending") void outgoing.reader.close();
    if (!isOurs(outgoing)) return;
    this.#unpin(to, outcome);
    if (outcome === "sent") this.#failures.delete(to);
    else if (outgoing.kind === "offered") this.#noteFailure(to, outgoing.source);
    if (!this.#isClosed) this.#options.report(to, outcome);
  }

  #unpin(to: MemberId, outcome: "sent" | "failed"): void {
    const pin = this.#pins.get(to);
    if (outcome === "failed" || pin === undefined) this.#pins.delete(to);
    else this.#pins.set(to, { ...pin, untilMs: this.#options.clock.nowMs() + PIN_MS });
  }

  #noteFailure(to: MemberId, source: MemberId): void {
    const failures = this.#failures.get(to) ?? new Map<MemberId, number>();
    failures.set(source, (failures.get(source) ?? 0) + 1);
    this.#failures.set(to, failures);
  }
}

function isOurs(outgoing: Outgoing): boolean {
  return outgoing.kind === "offered" || outgoing.isOurs;
}
