/**
 * One connection between two processes: two directions, each in order. It behaves as TLS over
 * TCP does. A blocked direction holds its frames (TCP sends them again later), a reset loses what
 * was on its way, and an end that hears nothing for too long closes itself. It never duplicates
 * or reorders within a connection; across connections old frames may well come after new ones.
 * It does not know which links are bad: `Links` tells it.
 */
import type { Connection } from "../../electron/agent/ports.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimProcess } from "./sim-process.ts";

/** The state of the cables, asked at every frame. */
export interface Links {
  isBlocked(from: MemberId, to: MemberId): boolean;
  /** Time on the way for this frame, in ms. */
  delayMs(from: MemberId, to: MemberId): number;
  bytesPerMs(from: MemberId, to: MemberId): number;
  /** Told of every frame that leaves. */
  onSent(from: MemberId, to: MemberId, frame: Uint8Array): void;
  /** Told of every frame that arrives. */
  onDelivered(from: MemberId, to: MemberId, frame: Uint8Array): void;
}

type Item =
  | { readonly type: "frame"; readonly frame: Uint8Array }
  | { readonly type: "close"; readonly reason: string };

/** The closing handshake is given up after this. */
const CLOSE_MS_MAX = 1_000;

/** One direction of a wire. */
class Lane {
  readonly from: SimEnd;
  readonly to: SimEnd;
  /** Frames that wait until the direction is free. */
  #held: Item[] = [];
  #lineFreeAtMs = 0;
  #lastArrivalMs: number;
  #isReset = false;
  #silentSinceMs: number | null = null;
  /** Carries nothing although the link is free: half-open. */
  isStalled = false;
  readonly #scheduler: Scheduler;
  readonly #links: Links;

  constructor(ends: { from: SimEnd; to: SimEnd }, scheduler: Scheduler, links: Links) {
    this.from = ends.from;
    this.to = ends.to;
    this.#scheduler = scheduler;
    this.#links = links;
    this.#lastArrivalMs = scheduler.nowMs;
  }

  get isBlocked(): boolean {
    return this.isStalled || this.#links.isBlocked(this.from.process.id, this.to.process.id);
  }

  /** Bytes not yet on the line. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const item of this.#held) if (item.type === "frame") bytes += item.frame.length;
    const waitMs = Math.max(0, this.#lineFreeAtMs - this.#scheduler.nowMs);
    const rate = this.#links.bytesPerMs(this.from.process.id, this.to.process.id);
    return bytes + Math.floor(waitMs * rate);
  }

  /** Nothing arrives before `atMs`: the other side is not there yet. */
  notBefore(atMs: number): void {
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, atMs);
  }

  push(item: Item): void {
    if (this.#isReset) return;
    if (this.#held.length > 0 || this.isBlocked) this.#held.push(item);
    else this.#transmit(item);
  }

  /**
   * Links or processes changed. Both sides ping all the time, so a free direction is never silent
   * and whoever hears nothing for `silenceMsMax` closes.
   */
  refresh(silenceMsMax: number): void {
    this.#flush();
    const { from } = this;
    const isSilent =
      this.isBlocked || from.process.isStopped || from.process.ended === "power-loss";
    if (!isSilent) {
      this.#silentSinceMs = null;
    } else if (this.#silentSinceMs === null) {
      this.#silentSinceMs = this.#scheduler.nowMs;
      this.#closeIfSilent(this.#silentSinceMs, silenceMsMax);
    }
  }

  #closeIfSilent(sinceMs: number, silenceMsMax: number): void {
    const { to } = this;
    this.#scheduler.after(silenceMsMax, () => {
      if (this.#silentSinceMs !== sinceMs || to.isOver) return;
      // A stopped process notices nothing; it begins to listen when it goes on (a refresh).
      if (to.process.isStopped) this.#silentSinceMs = null;
      else to.process.run(() => to.fail("nothing heard"));
    });
  }

  #flush(): void {
    if (this.#held.length === 0 || this.isBlocked) return;
    const held = this.#held;
    this.#held = [];
    for (const item of held) this.#transmit(item);
  }

  /** Loses everything that is on its way. */
  reset(): void {
    this.#isReset = true;
    this.#held = [];
  }

  #transmit(item: Item): void {
    const { from, to } = this;
    const rate = this.#links.bytesPerMs(from.process.id, to.process.id);
    const bytes = item.type === "frame" ? item.frame.length : 0;
    this.#lineFreeAtMs = Math.max(this.#scheduler.nowMs, this.#lineFreeAtMs) + bytes / rate;
    const delayMs = this.#links.delayMs(from.process.id, to.process.id);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#lineFreeAtMs + delayMs);
    this.#scheduler.at(this.#lastArrivalMs, () => {
      if (!this.#isReset) to.process.run(() => to.arrive(item));
    });
  }
}

/** One side's view of a wire: what the agent gets. */
export class SimEnd implements Connection {
  readonly process: SimProcess;
  readonly peer: MemberId;
  readonly remoteAddress: string;
  readonly isDialer: boolean;
  onFrame: (frame: Uint8Array) => void = () => undefined;
  onClose: (reason: string) => void = () => undefined;
  #wire: SimWire | null = null;
  /** While closing, what the other side had sent before it noticed still comes. */
  #state: "open" | "closing" | "closed" = "open";

  constructor(options: {
    process: SimProcess;
    peer: MemberId;
    remoteAddress: string;
    isDialer: boolean;
  }) {
    this.process = options.process;
    this.peer = options.peer;
    this.remoteAddress = options.remoteAddress;
    this.isDialer = options.isDialer;
  }

  get isOver(): boolean {
    return this.#state === "closed" || !this.process.isAlive;
  }

  get bufferedBytes(): number {
    return this.#state === "open" ? (this.#wire?.laneFrom(this).bufferedBytes ?? 0) : 0;
  }

  attach(wire: SimWire): void {
    this.#wire = wire;
  }

  send(frame: Uint8Array): void {
    if (this.#state !== "open" || !this.process.isAlive) return;
    this.#wire?.links.onSent(this.process.id, this.peer, frame);
    // A copy: the sender may go on writing into its buffer, the network has its own.
    this.#wire?.laneFrom(this).push({ type: "frame", frame: frame.slice() });
  }

  close(reason: string): void {
    if (this.#state !== "open" || !this.process.isAlive) return;
    this.#state = "closing";
    this.#wire?.laneFrom(this).push({ type: "close", reason });
    this.process.runAfter(CLOSE_MS_MAX, () => this.fail(reason));
  }

  /** The connection is no more: the other side closed, a reset, or silence for too long. */
  fail(reason: string): void {
    if (this.isOver) return;
    if (this.#state === "open") this.#wire?.laneFrom(this).push({ type: "close", reason });
    this.#state = "closed";
    this.onClose(reason);
  }

  arrive(item: Item): void {
    if (this.isOver) return;
    if (item.type === "close") {
      this.fail(item.reason);
    } else {
      this.#wire?.links.onDelivered(this.peer, this.process.id, item.frame);
      this.onFrame(item.frame);
    }
  }
}

/** Both directions and both ends. */
export class SimWire {
  readonly ends: readonly [SimEnd, SimEnd];
  readonly links: Links;
  readonly #lanes: readonly [Lane, Lane];

  constructor(ends: readonly [SimEnd, SimEnd], scheduler: Scheduler, links: Links) {
    const [a, b] = ends;
    this.ends = ends;
    this.links = links;
    this.#lanes = [
      new Lane({ from: a, to: b }, scheduler, links),
      new Lane({ from: b, to: a }, scheduler, links),
    ];
    a.attach(this);
    b.attach(this);
  }

  /** Whether neither side uses it any more. */
  get isOver(): boolean {
    return this.ends[0].isOver && this.ends[1].isOver;
  }

  laneFrom(end: SimEnd): Lane {
    return end === this.ends[0] ? this.#lanes[0] : this.#lanes[1];
  }

  /** What was sent to the dialer waits until its dial has resolved. */
  openTo(end: SimEnd, atMs: number): void {
    (end === this.ends[0] ? this.#lanes[1] : this.#lanes[0]).notBefore(atMs);
  }

  /** RST: both ends close, what was on its way is lost. */
  reset(): void {
    for (const lane of this.#lanes) lane.reset();
    for (const end of this.ends) end.process.run(() => end.fail("connection reset"));
  }

  /** A process ended; its computer says so to the other side, behind what was sent. */
  ownerKilled(process: SimProcess): void {
    for (const end of this.ends) {
      if (end.process === process) this.laneFrom(end).push({ type: "close", reason: "peer ended" });
    }
  }

  /** Neither direction carries anything, or both do again; then `refresh`. */
  stall(isStalled: boolean): void {
    for (const lane of this.#lanes) lane.isStalled = isStalled;
  }

  /** Links or processes changed: held frames may flow, and silence begins or ends. */
  refresh(silenceMsMax: number): void {
    for (const lane of this.#lanes) lane.refresh(silenceMsMax);
  }
}
