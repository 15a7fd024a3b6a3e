/**
 * One connection to a member, from its first frame to its end: hello first, then messages.
 *
 * It checks that the two ends fit (cluster, version) and that frames are well-formed and in
 * order; it answers pings. It does not know of other connections to the same member, nor what
 * the messages mean: `peer-links.ts` decides which connection counts.
 */
import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";
import type { AddressesMessage } from "../../../shared/protocol/addresses.ts";
import type { HelloMessage, RefusalCode } from "../../../shared/protocol/hello.ts";
import {
  decodePeerMessage,
  encodePeerMessage,
  isInVersion,
} from "../../../shared/protocol/messages.ts";
import type { MemberMessage, PeerMessage } from "../../../shared/protocol/messages.ts";
import { PROTOCOL_VERSION_MIN, chooseVersion } from "../../../shared/protocol/version.ts";
import type { Clock, Connection, Timer } from "../ports.ts";

/** Why a connection did not come about, and who said so. */
export type LinkRefusal = {
  readonly code: RefusalCode;
  readonly detail: string;
  readonly by: "us" | "them";
};

/** What a link tells its owner. Each is called only while the link is not over. */
export type LinkEvents = {
  /** The hellos fit. */
  readonly onGreeted: (link: Link, hello: HelloMessage) => void;
  readonly onMessage: (link: Link, message: MemberMessage) => void;
  readonly onAddresses: (link: Link, message: AddressesMessage) => void;
  readonly onRefused: (link: Link, refusal: LinkRefusal) => void;
  /** A frame that no correct member sends; the link closes. */
  readonly onMalformed: (link: Link, detail: string) => void;
  readonly onEnded: (link: Link, reason: string) => void;
};

/** What a link is made of. */
export type LinkOptions = {
  readonly self: MemberId;
  readonly clock: Clock;
  /** What this side says first. */
  readonly hello: HelloMessage;
  readonly events: LinkEvents;
};

/** How long the other side may take to say hello. */
const GREETING_MAX_MS = 3000;

/** Weight of a new round trip in the running mean: smooth, yet follows within seconds. */
const ROUND_TRIP_WEIGHT = 0.25;

/** A connection in use, or on its way there. */
export class Link {
  readonly connection: Connection;
  /** Whether the hellos fitted; resolves in any case. */
  readonly greeted: Promise<boolean>;
  #settleGreeting: (isGreeted: boolean) => void = () => undefined;
  readonly #options: LinkOptions;
  readonly #greetingTimer: Timer;
  #theirs: HelloMessage | null = null;
  /** Until both hellos are here, only what every version understands is said. */
  #version = PROTOCOL_VERSION_MIN;
  #isOver = false;
  #roundTripMs: number | null = null;
  #heardAtMs: number;
  #answeredPingOfMs = -Infinity;

  constructor(connection: Connection, options: LinkOptions) {
    this.connection = connection;
    this.#options = options;
    this.#heardAtMs = options.clock.nowMs();
    this.greeted = new Promise((resolve) => (this.#settleGreeting = resolve));
    this.#greetingTimer = options.clock.after(GREETING_MAX_MS, () =>
      this.close("no hello within 3 s"),
    );
    connection.onClose = (reason) => this.#ended(reason);
    this.#sendNow(options.hello);
    connection.onFrame = (frame) => this.#received(frame);
  }

  get peer(): MemberId {
    return this.connection.peer;
  }

  /** Their hello; null until it came and fitted. */
  get hello(): HelloMessage | null {
    return this.#theirs;
  }

  /** The protocol version both ends agreed on; the lowest until then. */
  get version(): number {
    return this.#version;
  }

  /** Running mean of the round trip; null before the first one. */
  get roundTripMs(): number | null {
    return this.#roundTripMs;
  }

  /** Monotonic time of the last frame. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** Monotonic time at which the newest ping that was answered had left; -Infinity before. */
  get answeredPingOfMs(): number {
    return this.#answeredPingOfMs;
  }

  /** Nothing comes and nothing goes any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** @returns whether it was sent: not when the link is over, or its version has no such word. */
  send(message: PeerMessage): boolean {
    if (this.#isOver || !isInVersion(message, this.#version)) return false;
    this.#sendNow(message);
    return true;
  }

  /** Asks for a sign of life, and measures the round trip. */
  ping(): void {
    this.send({ type: "ping", sentAtMs: this.#options.clock.nowMs() });
  }

  /** Says why, and closes. */
  refuse(code: RefusalCode, detail: string): void {
    this.send({ type: "refused", code, detail });
    this.#options.events.onRefused(this, { code, detail, by: "us" });
    this.close(`refused: ${code}`);
  }

  /** Closes; its owner hears of it at once. */
  close(reason: string): void {
    if (this.#isOver) return;
    this.connection.close(reason);
    this.#ended(reason);
  }

  /**
   * Closes because a newer connection took over. What the other side had already sent here is
   * still delivered until it has noticed.
   */
  retire(): void {
    this.connection.close("replaced by a newer connection");
  }

  #sendNow(message: PeerMessage): void {
    this.connection.send(encodePeerMessage(message, this.#version));
  }

  #received(frame: Uint8Array): void {
    if (this.#isOver) return;
    this.#heardAtMs = this.#options.clock.nowMs();
    const ends = { from: this.peer, to: this.#options.self };
    const decoded = decodePeerMessage(frame, ends, this.#version);
    if (!decoded.ok) return this.#malformed(`${decoded.error.code}: ${decoded.error.detail}`);
    if (this.#theirs === null) this.#greeting(decoded.value);
    else this.#conversation(decoded.value);
  }

  #greeting(message: PeerMessage): void {
    if (message.type === "refused") return this.#refusedByThem(message.code, message.detail);
    if (message.type !== "hello") return this.#malformed(`${message.type} before hello`);
    const ours = this.#options.hello;
    const version = commonVersion(ours, message);
    const problem = misfit(ours, message, version);
    if (problem !== null) return this.refuse(problem.code, problem.detail);
    this.#greetingTimer.cancel();
    this.#version = version ?? this.#version;
    this.#theirs = message;
    this.#settleGreeting(true);
    this.#options.events.onGreeted(this, message);
  }

  #conversation(message: PeerMessage): void {
    switch (message.type) {
      case "hello":
        return this.#malformed("a second hello");
      case "refused":
        return this.#refusedByThem(message.code, message.detail);
      case "ping":
        this.send({ type: "pong", echoSentAtMs: message.sentAtMs });
        return;
      case "pong":
        return this.#answered(message.echoSentAtMs);
      case "addresses":
        return this.#options.events.onAddresses(this, message);
      default:
        return this.#options.events.onMessage(this, message);
    }
  }

  #answered(pingOfMs: number): void {
    const roundTripMs = this.#options.clock.nowMs() - pingOfMs;
    // The echo comes from another machine: nonsense is left out.
    if (!(roundTripMs >= 0)) return;
    this.#answeredPingOfMs = Math.max(this.#answeredPingOfMs, pingOfMs);
    const before = this.#roundTripMs ?? roundTripMs;
    this.#roundTripMs = before + (roundTripMs - before) * ROUND_TRIP_WEIGHT;
  }

  #refusedByThem(code: RefusalCode, detail: string): void {
    this.#options.events.onRefused(this, { code, detail, by: "them" });
    this.close(`refused by the other side: ${code}`);
  }

  #malformed(detail: string): void {
    this.#options.events.onMalformed(this, detail);
    this.close(`malformed: ${detail}`);
  }

  #ended(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#settleGreeting(false);
    this.#greetingTimer.cancel();
    this.#options.events.onEnded(this, reason);
  }
}

type Misfit = { readonly code: RefusalCode; readonly detail: string };

function commonVersion(ours: HelloMessage, theirs: HelloMessage): number | null {
  return chooseVersion(
    { min: ours.versionMin, max: ours.versionMax },
    { min: theirs.versionMin, max: theirs.versionMax },
  );
}

function misfit(ours: HelloMessage, theirs: HelloMessage, version: number | null): Misfit | null {
  if (ours.clusterId !== theirs.clusterId) {
    return { code: "wrong-cluster", detail: clusterDetail(ours.clusterId, theirs.clusterId) };
  }
  if (version !== null) return null;
  const detail =
    `${ours.memberName} runs ${ours.appVersion} (protocol ${ours.versionMin} to ${ours.versionMax}), ` +
    `${theirs.memberName} runs ${theirs.appVersion} (${theirs.versionMin} to ${theirs.versionMax})`;
  return { code: "version-mismatch", detail };
}

function clusterDetail(ours: ClusterId, theirs: ClusterId): string {
  return `this computer belongs to cluster ${ours}, the other one to ${theirs}`;
}
