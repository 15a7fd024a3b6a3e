/**
 * One authenticated connection as the `Connection` port describes it: whole frames over a
 * WebSocket over TLS.
 *
 * Notices a silent peer (pulled cable, sleeping laptop) within three seconds: any received byte
 * counts as life, an idle connection is pinged. It knows nothing of what the frames say.
 */
import type { TLSSocket } from "node:tls";
import type { RawData, WebSocket } from "ws";
import type { MemberId } from "../../../shared/base/ids.ts";
import type { InviteChannel } from "../pairing/channel.ts";
import type { Clock, Timer } from "../ports.ts";

/** How often silence is looked at, and an idle connection pinged. */
const CHECK_MS = 500;

/** Silence after which the other side counts as gone; with `CHECK_MS` on top below 3 s. */
const SILENCE_MAX_MS = 1900;

/** How long the closing handshake may take before the socket is destroyed. */
const CLOSE_MAX_MS = 250;

/** ws allows 123 bytes in a close frame. */
const REASON_LENGTH_MAX = 120;

const CLOSE_NORMAL = 1000;

/** What is known of a connection when it is made. */
export type WsConnectionOptions = {
  readonly peer: MemberId;
  readonly remoteAddress: string;
  readonly isDialer: boolean;
  /** Empty on a member connection, where nothing is bound to it. */
  readonly exporter: Uint8Array;
  readonly clock: Clock;
  readonly socket: TLSSocket;
  /** Called once, when nothing is left open. */
  readonly onEnd: () => void;
};

/** A `Connection` and an `InviteChannel`; which of the two the ALPN decided. */
export class WsConnection implements InviteChannel {
  readonly peer: MemberId;
  readonly remoteAddress: string;
  readonly isDialer: boolean;
  readonly exporter: Uint8Array;
  /** Resolves when nothing is left open. */
  readonly ended: Promise<void>;
  readonly #webSocket: WebSocket;
  readonly #socket: TLSSocket;
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  /** What came before the owner had set its listeners; frames must not be lost between turns. */
  #early: Uint8Array[] = [];
  #onFrame: ((frame: Uint8Array) => void) | null = null;
  #onClose: ((reason: string) => void) | null = null;
  #closeReason: string | null = null;
  #isClosed = false;
  #checkTimer: Timer;
  #closeTimer: Timer | null = null;
  #heardBytes = 0;
  #heardAtMs: number;
  #checkedAtMs: number;

  constructor(webSocket: WebSocket, options: WsConnectionOptions) {
    this.peer = options.peer;
    this.remoteAddress = options.remoteAddress;
    this.isDialer = options.isDialer;
    this.exporter = options.exporter;
    this.#webSocket = webSocket;
    this.#socket = options.socket;
    this.#clock = options.clock;
    this.#onEnd = options.onEnd;
    this.ended = new Promise((resolve) => webSocket.once("close", () => resolve()));
    this.#heardAtMs = options.clock.nowMs();
    this.#checkedAtMs = this.#heardAtMs;
    this.#checkTimer = options.clock.after(CHECK_MS, () => this.#check());
    webSocket.on("message", (data, isBinary) => this.#received(data, isBinary));
    webSocket.on("error", (failure) => this.#remember(failure.message));
    webSocket.on("close", (code, reason) => this.#ended(code, reason.toString()));
  }

  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  set onFrame(listener: (frame: Uint8Array) => void) {
    this.#onFrame = listener;
    const early = this.#early;
    this.#early = [];
    for (const frame of early) listener(frame);
  }

  get onFrame(): (frame: Uint8Array) => void {
    return (frame) => this.#onFrame?.(frame);
  }

  set onClose(listener: (reason: string) => void) {
    this.#onClose = listener;
    if (this.#isClosed) listener(this.#closeReason ?? "closed");
  }

  get onClose(): (reason: string) => void {
    return (reason) => this.#onClose?.(reason);
  }

  send(frame: Uint8Array): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.send(frame, { binary: true }, (failure) => {
      // The close event follows and tells everybody; this only keeps the better reason.
      if (failure instanceof Error) this.#remember(failure.message);
    });
  }

  close(reason: string): void {
    if (this.#isClosed || this.#closeTimer !== null) return;
    this.#remember(reason);
    const printable = reason.replace(/[^ -~]/g, "?").slice(0, REASON_LENGTH_MAX);
    this.#webSocket.close(CLOSE_NORMAL, printable);
    this.#closeTimer = this.#clock.after(CLOSE_MAX_MS, () => this.#webSocket.terminate());
  }

  /** Ends it at once, without a goodbye. */
  terminate(reason: string): void {
    this.#remember(reason);
    this.#webSocket.terminate();
  }

  #received(data: RawData, isBinary: boolean): void {
    if (!isBinary || !(data instanceof Uint8Array)) {
      this.terminate("a text frame where only binary ones are spoken");
      return;
    }
    // A plain view: a Buffer's `slice` does not copy, which nobody behind this port expects.
    const frame = new Uint8Array(data.buffer, data.byteOffset, data.length);
    if (this.#onFrame === null) this.#early.push(frame);
    else this.#onFrame(frame);
  }

  #check(): void {
    const nowMs = this.#clock.nowMs();
    const heardBytes = this.#socket.bytesRead;
    // After a stall of our own (sleep, long turn) the peer gets its time to be heard first.
    const isLate = nowMs - this.#checkedAtMs > 2 * CHECK_MS;
    this.#checkedAtMs = nowMs;
    if (heardBytes !== this.#heardBytes || isLate) {
      this.#heardBytes = heardBytes;
      this.#heardAtMs = nowMs;
    } else if (nowMs - this.#heardAtMs >= SILENCE_MAX_MS) {
      this.terminate(`nothing heard for ${Math.round(nowMs - this.#heardAtMs)} ms`);
      return;
    }
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
    this.#checkTimer = this.#clock.after(CHECK_MS, () => this.#check());
  }

  #ended(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#checkTimer.cancel();
    this.#closeTimer?.cancel();
    this.#remember(reason === "" ? `closed by the other side (${code})` : reason);
    this.#onEnd();
    this.#onClose?.(this.#closeReason ?? "closed");
  }

  /** The first reason is the cause; later ones are its consequences. */
  #remember(reason: string): void {
    this.#closeReason ??= reason;
  }
}
