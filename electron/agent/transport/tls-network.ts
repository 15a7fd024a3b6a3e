/**
 * The real `Network`: WebSocket frames over TLS 1.3, both sides proven by their keys.
 *
 * It decides who may connect by asking `admit`, and nothing else about members: when to dial,
 * what to say and which of two connections to keep belongs to `peer-links.ts`. Beside member
 * connections it carries the invite protocol, under another ALPN and with smaller frames.
 */
import { networkInterfaces } from "node:os";
import { NO_BYTES } from "../../../shared/base/bytes.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import {
  ATTEMPTS_PER_SECOND_MAX,
  FRAME_BYTES_MAX,
  INVITE_REPLY_BYTES_MAX,
  INVITE_REQUEST_BYTES_MAX,
  UNAUTHENTICATED_COUNT_MAX,
  UNAUTHENTICATED_PER_ADDRESS_COUNT_MAX,
} from "../../../shared/protocol/limits.ts";
import type { InviteChannel } from "../pairing/channel.ts";
import type { Identity } from "../pairing/identity.ts";
import type { Clock, Connection, DialError, Logger, Network } from "../ports.ts";
import { formatAddress } from "./address.ts";
import type { HostPort } from "./address.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import { dialTls } from "./tls-dialer.ts";
import type { Dialled } from "./tls-dialer.ts";
import { TlsListener } from "./tls-listener.ts";
import type { Accepted } from "./tls-listener.ts";
import { exportBinding, INVITE_ALPN, MEMBER_ALPN } from "./tls-peer.ts";
import type { ProvenPeer } from "./tls-peer.ts";
import { WsConnection } from "./ws-connection.ts";

/** What the network runs with. */
export type TlsNetworkOptions = {
  readonly identity: Identity;
  /** Port 0 lets the system choose. Host 0.0.0.0 listens on every interface. */
  readonly listen: HostPort;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For tests; the product's are in `shared/protocol/limits.ts`. */
  readonly limits?: ConnectionLimits;
  readonly handshakeMs?: number;
};

/** What was refused at the door, by one word each. */
export type RefusalCounts = { readonly [reason: string]: number };

const DEFAULT_LIMITS: ConnectionLimits = {
  totalMax: UNAUTHENTICATED_COUNT_MAX,
  perHostMax: UNAUTHENTICATED_PER_ADDRESS_COUNT_MAX,
  perHostPerSecondMax: ATTEMPTS_PER_SECOND_MAX,
};

/** How long a stranger may take from the first packet to the end of the upgrade. */
const HANDSHAKE_MS = 5000;

/** The same for a dial; shorter, because the next address may be the right one. */
const DIAL_MS = 3000;

/** Distinct refusal reasons counted; error texts of the system are bounded, but not by us. */
const REFUSAL_REASON_COUNT_MAX = 64;

type Side = {
  readonly remoteAddress: string;
  readonly isDialer: boolean;
  readonly onEnd: () => void;
};

/** The network of one member. */
export class TlsNetwork implements Network {
  readonly #options: TlsNetworkOptions;
  readonly #open = new Set<WsConnection>();
  readonly #refusals = new Map<string, number>();
  #listener: TlsListener | null = null;
  #listenAddress: string | null = null;
  #admit: (peer: MemberId) => boolean = () => false;
  #onConnection: (connection: Connection) => void = (connection) => connection.close("not ready");
  #onInvite: ((channel: InviteChannel) => void) | null = null;
  #isClosed = false;

  constructor(options: TlsNetworkOptions) {
    this.#options = options;
  }

  get listenAddress(): string | null {
    return this.#listenAddress;
  }

  async listen(options: {
    readonly admit: (peer: MemberId) => boolean;
    readonly onConnection: (connection: Connection) => void;
  }): Promise<
    Result<string, { readonly code: "port-in-use" | "not-allowed"; readonly detail: string }>
  > {
    this.#admit = options.admit;
    this.#onConnection = options.onConnection;
    const { identity, clock, listen } = this.#options;
    const listener = new TlsListener({
      identity,
      clock,
      limits: this.#options.limits ?? DEFAULT_LIMITS,
      handshakeMs: this.#options.handshakeMs ?? HANDSHAKE_MS,
      frameBytesMax: { member: FRAME_BYTES_MAX, invite: INVITE_REQUEST_BYTES_MAX },
      judge: (proven) => this.#judge(proven),
      onAccepted: (accepted) => this.#accepted(accepted),
      onRefused: (reason, from) => this.#refused(reason, from),
    });
    const port = await listener.listen(listen);
    if (!port.ok) return port;
    this.#listener = listener;
    this.#listenAddress = formatAddress(reachableHost(listen.host), port.value);
    return ok(this.#listenAddress);
  }

  async dial(address: string, expected: MemberId | null): Promise<Result<Connection, DialError>> {
    const dialled = await this.#dial(address, MEMBER_ALPN, (peer) =>
      this.#judgeDialled(peer, expected),
    );
    return dialled.ok ? ok(this.#adopt(dialled.value, address, NO_BYTES)) : dialled;
  }

  /** Connects to an inviter, whose key the invite names; nothing is sent to another one. */
  async dialInvite(address: string, inviter: MemberId): Promise<Result<InviteChannel, DialError>> {
    const dialled = await this.#dial(address, INVITE_ALPN, (peer) =>
      peer === inviter ? null : wrongPeer(peer, inviter),
    );
    if (!dialled.ok) return dialled;
    return ok(this.#adopt(dialled.value, address, exportBinding(dialled.value.socket)));
  }

  /** Starts taking connections of the invite protocol; null ends it. */
  onInvite(listener: ((channel: InviteChannel) => void) | null): void {
    this.#onInvite = listener;
  }

  /** What was refused before it became a connection, since the start. */
  refusals(): RefusalCounts {
    return Object.fromEntries(this.#refusals);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const connection of this.#open) connection.close("shutting down");
    const ended = [...this.#open].map((connection) => connection.ended);
    await Promise.all([this.#listener?.close(), ...ended]);
  }

  async #dial(
    address: string,
    alpn: string,
    judge: (peer: MemberId) => DialError | null,
  ): Promise<Result<Dialled, DialError>> {
    const { identity, clock, handshakeMs } = this.#options;
    const timeoutMs = handshakeMs ?? DIAL_MS;
    const frameBytesMax = alpn === MEMBER_ALPN ? FRAME_BYTES_MAX : INVITE_REPLY_BYTES_MAX;
    const request = { address, alpn, identity, clock, timeoutMs, frameBytesMax, judge };
    const dialled = await dialTls(request);
    if (!dialled.ok || !this.#isClosed) return dialled;
    dialled.value.webSocket.terminate();
    return err({ code: "unreachable", detail: "the network was closed meanwhile" });
  }

  #judge(proven: ProvenPeer): string | null {
    if (proven.alpn === INVITE_ALPN) return this.#onInvite === null ? "no-invites" : null;
    return this.#admit(proven.peer) ? null : "not-a-member";
  }

  #judgeDialled(peer: MemberId, expected: MemberId | null): DialError | null {
    // This computer itself, or one that runs on a copy of its data folder: the hellos tell which.
    if (expected === null && peer === this.#options.identity.memberId) return null;
    if (expected !== null) return peer === expected ? null : wrongPeer(peer, expected);
    if (this.#admit(peer)) return null;
    return { code: "not-a-member", detail: `${peer} answers there and is no member here` };
  }

  #adopt(dialled: Dialled, remoteAddress: string, exporter: Uint8Array): WsConnection {
    const side = { remoteAddress, isDialer: true, onEnd: () => undefined };
    return this.#connection(dialled, side, exporter);
  }

  #accepted(accepted: Accepted): void {
    const { webSocket, socket, proven, remoteAddress, leaveGate } = accepted;
    const isMember = proven.alpn === MEMBER_ALPN;
    const exporter = isMember ? NO_BYTES : exportBinding(socket);
    // An invite's holder stays a stranger to the limits until it is gone.
    if (isMember) leaveGate();
    const side = { remoteAddress, isDialer: false, onEnd: leaveGate };
    const connection = this.#connection({ webSocket, socket, peer: proven.peer }, side, exporter);
    if (isMember) this.#onConnection(connection);
    else this.#onInvite?.(connection);
  }

  #connection(dialled: Dialled, side: Side, exporter: Uint8Array): WsConnection {
    const connection: WsConnection = new WsConnection(dialled.webSocket, {
      peer: dialled.peer,
      remoteAddress: side.remoteAddress,
      isDialer: side.isDialer,
      exporter,
      clock: this.#options.clock,
      socket: dialled.socket,
      onEnd: () => {
        this.#open.delete(connection);
        side.onEnd();
      },
    });
    this.#open.add(connection);
    return connection;
  }

  #refused(reason: string, remoteAddress: string): void {
    const known = this.#refusals.has(reason) || this.#refusals.size < REFUSAL_REASON_COUNT_MAX;
    const key = known ? reason : "other";
    this.#refusals.set(key, (this.#refusals.get(key) ?? 0) + 1);
    this.#options.logger.warn("connection-refused", { reason, remoteAddress });
  }
}

function wrongPeer(found: MemberId, expected: MemberId): DialError {
  return { code: "wrong-peer", detail: `expected ${expected}, found ${found}` };
}

/** What others can use for a wildcard: the first address that is not loopback. */
function reachableHost(host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) {
      if (!address.internal && address.family === "IPv4") return address.address;
    }
  }
  return "127.0.0.1";
}
