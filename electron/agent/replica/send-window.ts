/**
 * How much of a snapshot may be under way to one member at a time.
 *
 * Heartbeats to that member share its connection and wait behind whatever was sent before them,
 * so the window follows the path: it grows while what is sent arrives promptly, and halves when a
 * piece took longer than the quickest one did. So a heartbeat waits about a tenth of a second at
 * most, on a cable as on a slow radio link; below the smallest window there is only one piece.
 *
 * Pure arithmetic on times that are handed in; it sends nothing.
 */
import { assert } from "../../../shared/base/assert.ts";
import { SNAPSHOT_CHUNK_BYTES_MAX } from "../../../shared/protocol/limits.ts";

const KIB = 1024;

/** The smallest window and the smallest piece. */
export const WINDOW_BYTES_MIN = 16 * KIB;

/** Under way at most, however fast the path is. */
export const WINDOW_BYTES_MAX = 2 * KIB * KIB;

const WINDOW_BYTES_START = 32 * KIB;

/** Waiting behind other pieces up to this is no sign of a full path. */
const QUEUED_MS_FINE = 50;

/** A path that takes longer for a single piece is left with the smallest window. */
const PIECE_MS_MAX = 400;

/** From this on it is too much. */
const QUEUED_MS_MAX = 100;

/** The window of one transfer. */
export class SendWindow {
  #bytes = WINDOW_BYTES_START;
  /** Sent and not acknowledged, oldest first, with the offset behind each. */
  readonly #underWay: { readonly end: number; readonly sentAtMs: number }[] = [];
  #sentOffset: number | null = null;
  #acknowledgedOffset = 0;
  #quickestMs = Infinity;
  /** After halving, what was sent before says nothing about the new size. */
  #judgedFrom = 0;

  /** Bytes that may be under way now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that are. */
  get underWayBytes(): number {
    return (this.#sentOffset ?? 0) - this.#acknowledgedOffset;
  }

  /** Where the next piece begins; null before the receiver said where to begin. */
  get nextOffset(): number | null {
    return this.#sentOffset;
  }

  /** Length of the next piece; 0 while the window is full. */
  get pieceBytes(): number {
    const piece = Math.min(Math.max(this.#bytes / 2, WINDOW_BYTES_MIN), SNAPSHOT_CHUNK_BYTES_MAX);
    return this.underWayBytes + piece > this.#bytes && this.underWayBytes > 0 ? 0 : piece;
  }

  /** A piece was sent from `nextOffset` on. */
  sent(length: number, nowMs: number): void {
    assert(this.#sentOffset !== null, "the receiver says where to begin");
    this.#sentOffset += length;
    this.#underWay.push({ end: this.#sentOffset, sentAtMs: nowMs });
  }

  /** The receiver has everything before `offset`. Its first word says where to begin. */
  acknowledged(offset: number, nowMs: number): void {
    if (this.#sentOffset === null) {
      this.#sentOffset = offset;
      this.#acknowledgedOffset = offset;
      return;
    }
    // Another machine says so: it cannot have what was not sent.
    if (offset <= this.#acknowledgedOffset || offset > this.#sentOffset) return;
    this.#acknowledgedOffset = offset;
    let first = this.#underWay[0];
    while (first !== undefined && first.end <= offset) {
      this.#underWay.shift();
      this.#judge(first.end, nowMs - first.sentAtMs);
      first = this.#underWay[0];
    }
  }

  #judge(end: number, tookMs: number): void {
    this.#quickestMs = Math.min(this.#quickestMs, tookMs);
    const queuedMs = tookMs - this.#quickestMs;
    if (tookMs > PIECE_MS_MAX) {
      this.#shrink(end);
    } else if (queuedMs <= QUEUED_MS_FINE) {
      this.#bytes = Math.min(this.#bytes + WINDOW_BYTES_MIN, WINDOW_BYTES_MAX);
    } else if (queuedMs > QUEUED_MS_MAX) {
      this.#shrink(end);
    }
  }

  #shrink(end: number): void {
    if (end <= this.#judgedFrom) return;
    this.#bytes = Math.max(this.#bytes / 2, WINDOW_BYTES_MIN);
    this.#judgedFrom = this.#sentOffset ?? 0;
  }
}
