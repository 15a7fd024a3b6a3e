/**
 * The called side: one TLS server for both protocols.
 *
 * A connection passes, in this order: the limit on strangers, the TLS handshake, the proof of
 * a key, the question whether that key may come in, and only then is a byte of HTTP read, for
 * the WebSocket upgrade alone. A browser (any Origin header) is refused.
 */
import { constants } from "node:crypto";
import { Server as HttpServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer } from "node:tls";
import type { Server, TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Identity } from "../pairing/identity.ts";
import type { Clock } from "../ports.ts";
import { formatAddress, plainHost } from "./address.ts";
import type { HostPort } from "./address.ts";
import { ConnectionGate } from "./connection-limits.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import { REFUSED_HEADER } from "./tls-dialer.ts";
import { INVITE_ALPN, MEMBER_ALPN, provePeer } from "./tls-peer.ts";
import type { ProvenPeer } from "./tls-peer.ts";

/** A connection whose key may come in, after its upgrade. */
export type Accepted = {
  readonly webSocket: WebSocket;
  readonly socket: TLSSocket;
  readonly proven: ProvenPeer;
  readonly remoteAddress: string;
  /** Ends its counting as a stranger; calling it twice is harmless. */
  readonly leaveGate: () => void;
};

/** What the listener needs. */
export type ListenerOptions = {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  /** How long a stranger may take from the first packet to the upgrade. */
  readonly handshakeMs: number;
  readonly frameBytesMax: { readonly member: number; readonly invite: number };
  /** null when it may come in, else one word for the other side. */
  readonly judge: (proven: ProvenPeer) => string | null;
  readonly onAccepted: (accepted: Accepted) => void;
  /** Something was refused before it became a connection; for the counters and the log. */
  readonly onRefused: (reason: string, remoteAddress: string) => void;
};

/** Why a port cannot be listened on. */
export type ListenError = {
  readonly code: "port-in-use" | "not-allowed";
  readonly detail: string;
};

type Stranger = { readonly socket: Socket; readonly leaveGate: () => void };

/** How long a refused connection may take to read the refusal. */
const REFUSAL_LINGER_MS = 500;
const HEADER_BYTES_MAX = 4096;

/** Accepts until `close`. */
export class TlsListener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #http: HttpServer;
  readonly #upgraders: ReadonlyMap<string, WebSocketServer>;
  readonly #gate: ConnectionGate;
  /** By remote host and port; from the first packet until the socket closes. */
  readonly #strangers = new Map<string, Stranger>();
  readonly #proven = new WeakMap<Duplex, ProvenPeer>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#gate = new ConnectionGate(options.limits);
    this.#upgraders = new Map([
      [MEMBER_ALPN, upgrader(options.frameBytesMax.member)],
      [INVITE_ALPN, upgrader(options.frameBytesMax.invite)],
    ]);
    this.#http = new HttpServer({ maxHeaderSize: HEADER_BYTES_MAX });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on("request", (request) => this.#refuse(request.socket, "no-upgrade"));
    this.#http.on("clientError", (_, socket) => this.#refuse(socket, "bad-http"));
    this.#server = tlsServer(options);
    this.#server.on("connection", (socket: Socket) => this.#entered(socket));
    this.#server.on("secureConnection", (socket) => this.#secured(socket));
    this.#server.on("tlsClientError", (failure, socket) => {
      options.onRefused(`handshake: ${failure.message}`, remoteOf(socket));
      socket.destroy();
    });
  }

  /** @returns The port, chosen by the system when it was 0. */
  listen(target: HostPort): Promise<Result<number, ListenError>> {
    return new Promise((resolve) => {
      const failed = (failure: NodeJS.ErrnoException): void => {
        const code = failure.code === "EADDRINUSE" ? "port-in-use" : "not-allowed";
        resolve(err({ code, detail: failure.message }));
      };
      this.#server.once("error", failed);
      this.#server.listen(target.port, target.host, () => {
        this.#server.off("error", failed);
        this.#server.on("error", (failure) => this.#options.onRefused(failure.message, ""));
        const address = this.#server.address();
        resolve(ok(typeof address === "object" && address !== null ? address.port : target.port));
      });
    });
  }

  /** Stops accepting and ends every connection that is still a stranger's. */
  close(): Promise<void> {
    for (const stranger of this.#strangers.values()) stranger.socket.destroy();
    for (const upgrades of this.#upgraders.values()) upgrades.close();
    return new Promise((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
  }

  #entered(socket: Socket): void {
    const host = plainHost(socket.remoteAddress ?? "");
    const key = remoteOf(socket);
    if (!this.#gate.tryEnter(host, this.#options.clock.nowMs())) {
      this.#options.onRefused("too-many-connections", key);
      socket.destroy();
      return;
    }
    let isCounted = true;
    const timer = this.#options.clock.after(this.#options.handshakeMs, () => socket.destroy());
    const leaveGate = (): void => {
      if (!isCounted) return;
      isCounted = false;
      timer.cancel();
      this.#gate.leave(host);
      this.#strangers.delete(key);
    };
    this.#strangers.set(key, { socket, leaveGate });
    socket.once("close", leaveGate);
  }

  #secured(socket: TLSSocket): void {
    // Stays attached: a socket without an error listener would end the process.
    socket.on("error", (failure) => this.#options.onRefused(failure.message, remoteOf(socket)));
    const proven = provePeer(socket);
    const objection = proven.ok ? this.#options.judge(proven.value) : proven.error;
    if (!proven.ok || objection !== null) {
      this.#refuse(socket, objection ?? "unproven");
      return;
    }
    this.#proven.set(socket, proven.value);
    this.#http.emit("connection", socket);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const proven = this.#proven.get(socket);
    const upgrades = proven === undefined ? undefined : this.#upgraders.get(proven.alpn);
    if (proven === undefined || upgrades === undefined) return this.#refuse(socket, "unproven");
    if (request.headers.origin !== undefined) return this.#refuse(socket, "browser");
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const tlsSocket = socket as TLSSocket;
      tlsSocket.setNoDelay(true);
      const remoteAddress = remoteOf(tlsSocket);
      const leaveGate = (): void => this.#strangers.get(remoteAddress)?.leaveGate();
      const accepted = { webSocket, socket: tlsSocket, proven, remoteAddress, leaveGate };
      this.#options.onAccepted(accepted);
    });
  }

  /** Says why without reading anything, and closes once that had time to arrive. */
  #refuse(socket: Duplex, reason: string): void {
    this.#options.onRefused(reason, remoteOf(socket as TLSSocket));
    const word = reason.replace(/[^a-zA-Z0-9 .,'-]/g, "");
    const head = `HTTP/1.1 403 Forbidden\r\n${REFUSED_HEADER}: ${word}\r\n`;
    socket.end(`${head}Connection: close\r\nContent-Length: 0\r\n\r\n`);
    // Unread bytes would turn our close into a reset that overtakes the refusal.
    socket.resume();
    const timer = this.#options.clock.after(REFUSAL_LINGER_MS, () => socket.destroy());
    socket.once("close", () => timer.cancel());
  }
}

function tlsServer(options: ListenerOptions): Server {
  return createServer({
    key: options.identity.privateKey,
    cert: options.identity.certificate,
    minVersion: "TLSv1.3",
    requestCert: true,
    // Self-signed certificates never validate; `provePeer` compares the key instead.
    rejectUnauthorized: false,
    ALPNProtocols: [MEMBER_ALPN, INVITE_ALPN],
    // A resumed session proves no key, so none is offered, and `provePeer` refuses one.
    secureOptions: constants.SSL_OP_NO_TICKET,
    sessionTimeout: 1,
    handshakeTimeout: options.handshakeMs,
    noDelay: true,
  });
}

function upgrader(frameBytesMax: number): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: frameBytesMax,
  });
}

function remoteOf(socket: Socket): string {
  return formatAddress(plainHost(socket.remoteAddress ?? "unknown"), socket.remotePort ?? 0);
}
