/**
 * The calling side of a connection: TLS, then the check of the key, then the WebSocket upgrade.
 *
 * It compares keys before it sends anything of its own, and knows nothing of members or
 * invites: who may be at the other end is the caller's question.
 */
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Identity } from "../pairing/identity.ts";
import type { Clock, DialError } from "../ports.ts";
import { parseAddress } from "./address.ts";
import type { HostPort } from "./address.ts";
import { provePeer } from "./tls-peer.ts";

/** One attempt. */
export type DialRequest = {
  readonly address: string;
  readonly alpn: string;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The largest frame the other side may send. */
  readonly frameBytesMax: number;
  /** null when this peer may be there; else the error. */
  readonly judge: (peer: MemberId) => DialError | null;
};

/** An open WebSocket with what the handshake proved. */
export type Dialled = {
  readonly webSocket: WebSocket;
  readonly socket: TLSSocket;
  readonly peer: MemberId;
};

/** Where the answer to a refused upgrade says why. */
export const REFUSED_HEADER = "tidemark-refused";

/** Resolves once, within `timeoutMs`; on failure nothing is left open. */
export async function dialTls(request: DialRequest): Promise<Result<Dialled, DialError>> {
  const target = parseAddress(request.address);
  if (!target.ok) return err({ code: "unreachable", detail: target.error.detail });
  const socket = openSocket(request, target.value);
  const outcome = await withTimeout(request, socket, handshake(request, socket));
  if (!outcome.ok) socket.destroy();
  return outcome;
}

function openSocket(request: DialRequest, target: HostPort): TLSSocket {
  return connect({
    host: target.host,
    port: target.port,
    key: request.identity.privateKey,
    cert: request.identity.certificate,
    minVersion: "TLSv1.3",
    ALPNProtocols: [request.alpn],
    // Self-signed certificates never validate; `provePeer` compares the key instead.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
}

async function handshake(
  request: DialRequest,
  socket: TLSSocket,
): Promise<Result<Dialled, DialError>> {
  socket.setNoDelay(true);
  const failure = await secured(socket);
  if (failure !== null) return err({ code: "unreachable", detail: failure });
  const proven = provePeer(socket);
  if (!proven.ok) return err({ code: "wrong-peer", detail: proven.error });
  const { peer, alpn } = proven.value;
  if (alpn !== request.alpn) return err({ code: "wrong-peer", detail: `it speaks ${alpn}` });
  const objection = request.judge(peer);
  if (objection !== null) return err(objection);
  const upgraded = await upgrade(request, socket);
  return upgraded.ok ? ok({ webSocket: upgraded.value, socket, peer }) : upgraded;
}

/** null once the handshake is done, else why it failed. */
function secured(socket: TLSSocket): Promise<string | null> {
  return new Promise((resolve) => {
    socket.once("secureConnect", () => resolve(null));
    // Stays attached: a socket without an error listener would end the process.
    socket.on("error", (failure) => resolve(failure.message));
    socket.once("close", () => resolve("closed during the handshake"));
  });
}

function upgrade(request: DialRequest, socket: TLSSocket): Promise<Result<WebSocket, DialError>> {
  const webSocket = new WebSocket("ws://member/", {
    createConnection: () => socket,
    perMessageDeflate: false,
    maxPayload: request.frameBytesMax,
    // Masking protects plain proxies from browsers; inside TLS it only costs time, and ws
    // leaves frames alone when the mask is zero.
    generateMask: (mask) => mask.fill(0),
  });
  return new Promise((resolve) => {
    const fail = (detail: string): void => resolve(err({ code: "unreachable", detail }));
    webSocket.once("open", () => resolve(ok(webSocket)));
    webSocket.on("error", (failure) => fail(failure.message));
    webSocket.once("close", () => fail("closed during the upgrade"));
    webSocket.once("unexpected-response", (_, response) => {
      const reason = response.headers[REFUSED_HEADER];
      if (reason === "not-a-member") {
        const detail = "the other side does not count this computer among its members";
        resolve(err({ code: "not-a-member", detail }));
      } else fail(`refused: ${String(reason ?? response.statusCode)}`);
    });
  });
}

function withTimeout(
  request: DialRequest,
  socket: TLSSocket,
  work: Promise<Result<Dialled, DialError>>,
): Promise<Result<Dialled, DialError>> {
  return new Promise((resolve, reject) => {
    const timer = request.clock.after(request.timeoutMs, () => {
      resolve(err({ code: "timeout", detail: `no answer within ${request.timeoutMs} ms` }));
      socket.destroy();
    });
    work
      .finally(() => timer.cancel())
      .then(resolve)
      .catch(reject);
  });
}
