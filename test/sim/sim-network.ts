/**
 * The cables between all computers of a world, and the Network port each process gets.
 *
 * Faults are set from outside: one-way blocks, slow links, jitter, resets. What a fault means for
 * a connection is decided in `sim-wire.ts`.
 */
import type { Connection, DialError, Network } from "../../electron/agent/ports.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { PromiseChecker } from "./promise-checker.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimProcess } from "./sim-process.ts";
import { SimEnd, SimWire } from "./sim-wire.ts";
import type { Links } from "./sim-wire.ts";
import type { Trace } from "./trace.ts";

/** How the network is when nothing is wrong. */
export type NetworkTraits = {
  /** One way, in ms. */
  readonly delayMs: number;
  /** Added to each frame: 0 to this, evenly. */
  readonly jitterMs: number;
  readonly bytesPerMs: number;
};

/** A link that is worse than the others. */
export type LinkFault = { readonly extraDelayMs: number; readonly bytesPerMs: number };

type Listener = {
  readonly process: SimProcess;
  readonly admit: (peer: MemberId) => boolean;
  readonly onConnection: (connection: Connection) => void;
};

/** Real pings: every second, given up after two more. */
export const SILENCE_MS_MAX = 2_800;
const DIAL_TIMEOUT_MS = 3_000;
/** A handshake takes several round trips. */
const HANDSHAKE_TRIPS = 3;

type SimNetworkOptions = {
  readonly scheduler: Scheduler;
  readonly rng: Rng;
  readonly trace: Trace;
  readonly traits: NetworkTraits;
  readonly promises: PromiseChecker;
};

/** The whole network. */
export class SimNetwork implements Links {
  readonly #options: SimNetworkOptions;
  readonly #listeners = new Map<string, Listener>();
  readonly #blocked = new Set<string>();
  readonly #faults = new Map<string, LinkFault>();
  #wires: SimWire[] = [];

  constructor(options: SimNetworkOptions) {
    this.#options = options;
  }

  /** The Network port of one process. */
  portOf(process: SimProcess, address: string): Network {
    return new SimNetworkPort(this, process, address);
  }

  isBlocked(from: MemberId, to: MemberId): boolean {
    return this.#blocked.size > 0 && this.#blocked.has(linkKey(from, to));
  }

  delayMs(from: MemberId, to: MemberId): number {
    const { traits, rng } = this.#options;
    const jitterMs = traits.jitterMs * (rng.uint32() / 0x1_0000_0000);
    return traits.delayMs + jitterMs + (this.#faultOf(from, to)?.extraDelayMs ?? 0);
  }

  bytesPerMs(from: MemberId, to: MemberId): number {
    return this.#faultOf(from, to)?.bytesPerMs ?? this.#options.traits.bytesPerMs;
  }

  onSent(from: MemberId, to: MemberId, frame: Uint8Array): void {
    this.#options.promises.sent(from, to, frame);
  }

  onDelivered(from: MemberId, to: MemberId, frame: Uint8Array): void {
    this.#options.trace.noteFrame(from, to, frame);
  }

  /** Nothing passes in this direction until `heal`. */
  block(from: MemberId, to: MemberId): void {
    this.#blocked.add(linkKey(from, to));
    this.refresh();
  }

  /** Nothing passes in either direction. */
  blockBoth(a: MemberId, b: MemberId): void {
    this.block(a, b);
    this.block(b, a);
  }

  /** Both directions are free again. */
  unblockBoth(a: MemberId, b: MemberId): void {
    this.unblock(a, b);
    this.unblock(b, a);
  }

  /**
   * The connections there are between two computers carry nothing any more; new ones do.
   *
   * @returns lets them carry again, what they held first.
   */
  stall(a: MemberId, b: MemberId): () => void {
    const stalled = this.#wiresBetween(a, b);
    for (const wire of stalled) wire.stall(true);
    this.refresh();
    return () => {
      for (const wire of stalled) wire.stall(false);
      this.refresh();
    };
  }

  /** Makes one direction slow. */
  slow(from: MemberId, to: MemberId, fault: LinkFault): void {
    this.#faults.set(linkKey(from, to), fault);
  }

  /** This direction is free again. */
  unblock(from: MemberId, to: MemberId): void {
    this.#blocked.delete(linkKey(from, to));
    this.refresh();
  }

  /** This direction is as fast as the others again. */
  unslow(from: MemberId, to: MemberId): void {
    this.#faults.delete(linkKey(from, to));
  }

  /** Every link is as good as new; what was held flows. */
  heal(): void {
    this.#blocked.clear();
    this.#faults.clear();
    for (const wire of this.#wires) wire.stall(false);
    this.refresh();
  }

  /** Breaks every connection between two computers. */
  reset(a: MemberId, b: MemberId): void {
    for (const wire of this.#wiresBetween(a, b)) wire.reset();
  }

  /** Links or processes changed. */
  refresh(): void {
    this.#wires = this.#wires.filter((wire) => !wire.isOver);
    for (const wire of this.#wires) wire.refresh(SILENCE_MS_MAX);
  }

  /** A process is dead: its port is free, its connections break in the way it died. */
  processEnded(process: SimProcess): void {
    for (const [address, listener] of this.#listeners) {
      if (listener.process === process) this.#listeners.delete(address);
    }
    if (process.ended === "killed") for (const wire of this.#wires) wire.ownerKilled(process);
    this.refresh();
  }

  listen(address: string, listener: Listener): void {
    this.#listeners.set(address, listener);
  }

  unlisten(address: string): void {
    this.#listeners.delete(address);
  }

  /** Connections of a process that are open; for its port's `close`. */
  endsOf(process: SimProcess): readonly SimEnd[] {
    return this.#wires.flatMap((wire) => wire.ends).filter((end) => end.process === process);
  }

  dial(dialer: {
    readonly process: SimProcess;
    readonly address: string;
    readonly expected: MemberId | null;
    readonly ownAddress: string;
  }): Promise<Result<Connection, DialError>> {
    const { process, address } = dialer;
    return new Promise((resolve) => {
      const answer = (afterMs: number, result: Result<Connection, DialError>): void =>
        process.runAfter(afterMs, () => resolve(result));
      const target = this.#listeners.get(address);
      if (target === undefined) {
        answer(this.#options.traits.delayMs * 2, failed("unreachable", "nobody listens there"));
        return;
      }
      const tripMs = this.delayMs(process.id, target.process.id);
      this.#options.scheduler.after(tripMs * HANDSHAKE_TRIPS, () =>
        this.#knock(dialer, target, answer),
      );
    });
  }

  #wiresBetween(a: MemberId, b: MemberId): readonly SimWire[] {
    return this.#wires.filter((wire) => {
      const ids = wire.ends.map((end) => end.process.id);
      return ids.includes(a) && ids.includes(b);
    });
  }

  /** Most of the time no link is bad, and nobody has to be looked up. */
  #faultOf(from: MemberId, to: MemberId): LinkFault | undefined {
    return this.#faults.size === 0 ? undefined : this.#faults.get(linkKey(from, to));
  }

  #knock(
    dialer: { process: SimProcess; expected: MemberId | null; ownAddress: string; address: string },
    target: Listener,
    answer: (afterMs: number, result: Result<Connection, DialError>) => void,
  ): void {
    const from = dialer.process.id;
    const to = target.process.id;
    const isSilent = this.isBlocked(from, to) || this.isBlocked(to, from);
    if (isSilent || target.process.isStopped || target.process.ended === "power-loss") {
      answer(DIAL_TIMEOUT_MS, failed("timeout", "no answer"));
      return;
    }
    const backMs = this.delayMs(to, from);
    if (!target.process.isAlive) {
      answer(backMs, failed("unreachable", "connection refused"));
    } else if (dialer.expected !== null && dialer.expected !== to) {
      answer(backMs, failed("wrong-peer", `found ${to}`));
    } else if (!this.#admits(dialer, to)) {
      answer(backMs, failed("not-a-member", `${to} is not known here`));
    } else {
      target.process.run(() => this.#accept(dialer, target, answer));
    }
  }

  /** A dialer that expects nobody in particular takes whom it would let in. */
  #admits(dialer: { process: SimProcess; expected: MemberId | null }, peer: MemberId): boolean {
    if (dialer.expected !== null) return true;
    for (const listener of this.#listeners.values()) {
      if (listener.process === dialer.process) return listener.admit(peer);
    }
    return false;
  }

  #accept(
    dialer: { process: SimProcess; ownAddress: string; address: string },
    target: Listener,
    answer: (afterMs: number, result: Result<Connection, DialError>) => void,
  ): void {
    const { scheduler } = this.#options;
    const from = dialer.process.id;
    const to = target.process.id;
    const backMs = this.delayMs(to, from);
    if (!target.admit(from)) {
      answer(backMs, failed("not-a-member", `${to} refused`));
      return;
    }
    const near = new SimEnd({
      process: dialer.process,
      peer: to,
      remoteAddress: dialer.address,
      isDialer: true,
    });
    const far = new SimEnd({
      process: target.process,
      peer: from,
      remoteAddress: dialer.ownAddress,
      isDialer: false,
    });
    const wire = new SimWire([near, far], scheduler, this);
    wire.openTo(near, scheduler.nowMs + backMs);
    this.#wires.push(wire);
    this.#options.trace.note("connect", from, to);
    answer(backMs, ok(near));
    target.onConnection(far);
    wire.refresh(SILENCE_MS_MAX);
  }
}

class SimNetworkPort implements Network {
  readonly #network: SimNetwork;
  readonly #process: SimProcess;
  readonly #address: string;
  #isListening = false;

  constructor(network: SimNetwork, process: SimProcess, address: string) {
    this.#network = network;
    this.#process = process;
    this.#address = address;
  }

  get listenAddress(): string | null {
    return this.#isListening ? this.#address : null;
  }

  listen(options: Parameters<Network["listen"]>[0]): ReturnType<Network["listen"]> {
    if (this.#process.isAlive) {
      this.#isListening = true;
      this.#network.listen(this.#address, { ...options, process: this.#process });
    }
    return Promise.resolve(ok(this.#address));
  }

  dial(address: string, expected: MemberId | null): Promise<Result<Connection, DialError>> {
    const process = this.#process;
    return this.#network.dial({ process, address, expected, ownAddress: this.#address });
  }

  close(): Promise<void> {
    if (this.#isListening) this.#network.unlisten(this.#address);
    this.#isListening = false;
    for (const end of this.#network.endsOf(this.#process)) end.close("shutting down");
    return Promise.resolve();
  }
}

function linkKey(from: MemberId, to: MemberId): string {
  return `${from}>${to}`;
}

function failed(code: DialError["code"], detail: string): Result<Connection, DialError> {
  return err({ code, detail });
}
