import { connect as connectTcp, createServer as createTcpServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { generateKeyPairSync } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { selfSignedCertificate } from "../../electron/agent/pairing/certificate.ts";
import { createEphemeralIdentity } from "../../electron/agent/pairing/identity.ts";
import type { Identity } from "../../electron/agent/pairing/identity.ts";
import type { Connection } from "../../electron/agent/ports.ts";
import { parseAddress } from "../../electron/agent/transport/address.ts";
import type { TlsNetwork } from "../../electron/agent/transport/tls-network.ts";
import { FRAME_BYTES_MAX } from "../../shared/protocol/limits.ts";
import { networkContract } from "../contract/network-contract.ts";
import { loopbackNetwork, until } from "./real-ports.ts";

networkContract("TLS on loopback", () => ({
  members: () => Promise.resolve([makeMember(), makeMember(), makeMember()]),
  until,
  run: (work) => work,
  // Port 1 needs privileges nobody here uses: refused at once.
  emptyAddress: "127.0.0.1:1",
}));

function makeMember() {
  const identity = createEphemeralIdentity();
  return { id: identity.memberId, network: loopbackNetwork(identity) };
}

const member = createEphemeralIdentity();
const stranger = createEphemeralIdentity();

describe("the member port", () => {
  let network: TlsNetwork;
  let port: number;
  let accepted: Connection[];
  const frames: Uint8Array[] = [];
  const sockets: TLSSocket[] = [];

  beforeEach(async () => {
    network = loopbackNetwork(createEphemeralIdentity(), {
      limits: { totalMax: 4, perHostMax: 4, perHostPerSecondMax: 100 },
      handshakeMs: 400,
    });
    accepted = [];
    frames.length = 0;
    const listening = await network.listen({
      admit: (peer) => peer === member.memberId,
      onConnection: (connection) => {
        accepted.push(connection);
        connection.onFrame = (frame) => frames.push(frame);
      },
    });
    const address = parseAddress(listening.ok ? listening.value : "");
    port = address.ok ? address.value.port : 0;
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await network.close();
  });

  /** A client that breaks rules; resolves with what it read until the connection ended. */
  function knock(options: ConnectionOptions, send = upgradeRequest()): Promise<string> {
    return new Promise((resolve) => {
      let read = "";
      const defaults = { port, rejectUnauthorized: false, ALPNProtocols: ["tidemark/1"] };
      const socket = connect({ host: "127.0.0.1", ...defaults, ...options });
      sockets.push(socket);
      socket.on("secureConnect", () => socket.write(send));
      socket.on("data", (chunk) => {
        read += chunk.toString();
        if (read.includes("101 Switching")) resolve(read);
      });
      socket.on("error", (failure) => resolve(`${read}${failure.message}`));
      socket.on("close", () => resolve(read));
    });
  }

  function upgradeRequest(headers = ""): string {
    return (
      `GET / HTTP/1.1\r\nHost: member\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${headers}\r\n`
    );
  }

  const asMember = (identity: Identity) => ({
    key: identity.privateKey,
    cert: identity.certificate,
  });

  test("opens for a member's key", async () => {
    expect(await knock(asMember(member))).toContain("101 Switching Protocols");
    expect(accepted[0]?.peer).toBe(member.memberId);
  });

  test("refuses a client without a certificate, although TLS itself lets it in", async () => {
    expect(await knock({})).toContain("tidemark-refused: no certificate was presented");
    expect(accepted).toEqual([]);
  });

  test("refuses a key that is no member's, and says so", async () => {
    expect(await knock(asMember(stranger))).toContain("tidemark-refused: not-a-member");
    expect(network.refusals()["not-a-member"]).toBe(1);
  });

  test("refuses another kind of key", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
    const key = privateKey.export({ type: "pkcs8", format: "pem" });
    const cert = selfSignedCertificate(privateKey, publicKey);
    expect(await knock({ key, cert })).toContain("not P-256");
  });

  test("refuses TLS 1.2", async () => {
    const answer = await knock({ ...asMember(member), maxVersion: "TLSv1.2" });
    expect(answer).toMatch(/protocol version|alert/i);
    expect(accepted).toEqual([]);
  });

  test("refuses another protocol name, and none at all", async () => {
    const other = await knock({ ...asMember(member), ALPNProtocols: ["http/1.1"] });
    expect(other).toMatch(/no application protocol|alert/i);
    const none = await knock({ ...asMember(member), ALPNProtocols: [] });
    expect(none).toContain("no known protocol was named");
  });

  test("gives out no session that would let a keyless client in later", async () => {
    const sessions: Buffer[] = [];
    const first = connect({
      host: "127.0.0.1",
      port,
      ALPNProtocols: ["tidemark/1"],
      rejectUnauthorized: false,
      ...asMember(member),
    });
    sockets.push(first);
    first.on("session", (session) => sessions.push(session));
    first.on("secureConnect", () => first.write(upgradeRequest()));
    await new Promise((resolve) => first.once("data", resolve));
    first.destroy();
    // OpenSSL hands out a session id even without tickets; it must be worth nothing.
    expect(sessions.length).toBeGreaterThan(0);
    for (const session of sessions) {
      expect(await knock({ session })).toContain("tidemark-refused");
    }
    expect(accepted).toHaveLength(1);
  });

  test("refuses a browser, recognised by its Origin", async () => {
    const send = upgradeRequest("Origin: https://evil.example\r\n");
    expect(await knock(asMember(member), send)).toContain("tidemark-refused: browser");
    expect(accepted).toEqual([]);
  });

  test("answers plain HTTP from a member with a refusal", async () => {
    expect(await knock(asMember(member), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")).toContain("403");
    expect(await knock(asMember(member), "\x16\x03\x01 nonsense\r\n\r\n")).toContain("403");
  });

  test("ends a client that sends no handshake, and frees its place", async () => {
    const idle = Array.from({ length: 4 }, () => connectTcp({ host: "127.0.0.1", port }));
    for (const socket of idle) socket.on("error", () => socket.destroy());
    await until(() => idle.every((socket) => socket.readyState === "open"));
    expect(await knock(asMember(member))).not.toContain("101");
    expect(network.refusals()["too-many-connections"]).toBe(1);
    await until(() => idle.every((socket) => socket.destroyed));
    expect(await knock(asMember(member))).toContain("101");
  });

  test("ends a member that never asks for the upgrade", async () => {
    expect(await knock(asMember(member), "")).not.toContain("101");
  });

  test("ends a connection whose frame exceeds the limit, and one that sends text", async () => {
    for (const data of [new Uint8Array(FRAME_BYTES_MAX + 1), "text"]) {
      accepted.length = 0;
      const tls = { rejectUnauthorized: false, ALPNProtocols: ["tidemark/1"] };
      const socket = connect({ host: "127.0.0.1", port, ...tls, ...asMember(member) });
      await new Promise((resolve) => socket.once("secureConnect", resolve));
      const webSocket = new WebSocket("ws://member/", { createConnection: () => socket });
      webSocket.on("error", () => webSocket.terminate());
      await new Promise((resolve) => webSocket.once("open", resolve));
      await until(() => accepted.length === 1);
      const closed = new Promise((resolve) => webSocket.once("close", resolve));
      webSocket.send(data);
      await closed;
      expect(frames).toEqual([]);
    }
  });

  test("carries the largest frame", async () => {
    const dialer = loopbackNetwork(member);
    await dialer.listen({ admit: () => true, onConnection: () => undefined });
    const again = await dialer.dial(`127.0.0.1:${port}`, null);
    if (!again.ok) throw new Error(again.error.detail);
    again.value.send(new Uint8Array(FRAME_BYTES_MAX));
    await until(() => frames.length === 1);
    expect(frames[0]?.length).toBe(FRAME_BYTES_MAX);
    await dialer.close();
  });

  test("notices within three seconds that the other side fell silent", async () => {
    // A cable pulled out: the proxy keeps both connections open and forwards nothing.
    const cable = await pullableCable(port);
    const dialer = loopbackNetwork(member);
    await dialer.listen({ admit: () => true, onConnection: () => undefined });
    const dialled = await dialer.dial(cable.address, null);
    if (!dialled.ok) throw new Error(dialled.error.detail);
    await until(() => accepted.length === 1);
    const reasons: string[] = [];
    for (const end of [dialled.value, accepted[0]]) {
      if (end !== undefined) end.onClose = (reason) => reasons.push(reason);
    }
    cable.pull();
    const pulledAtMs = performance.now();
    await until(() => reasons.length === 2);
    expect(performance.now() - pulledAtMs).toBeLessThan(3000);
    expect(reasons.every((reason) => reason.startsWith("nothing heard for"))).toBe(true);
    await dialer.close();
    await cable.close();
  });

  test("notices at once that the other side was killed", async () => {
    const cable = await pullableCable(port);
    const dialer = loopbackNetwork(member);
    await dialer.listen({ admit: () => true, onConnection: () => undefined });
    const dialled = await dialer.dial(cable.address, null);
    if (!dialled.ok) throw new Error(dialled.error.detail);
    let closedAtMs = 0;
    dialled.value.onClose = () => (closedAtMs = performance.now());
    const cutAtMs = performance.now();
    await cable.close();
    await until(() => closedAtMs > 0);
    expect(closedAtMs - cutAtMs).toBeLessThan(300);
    await dialer.close();
  });

  test("takes no invites unless it was told to", async () => {
    const dialer = loopbackNetwork(stranger);
    const refused = await dialer.dialInvite(`127.0.0.1:${port}`, member.memberId);
    expect(refused).toMatchObject({ ok: false, error: { code: "wrong-peer" } });
    await dialer.close();
  });

  test("in use is told as such", async () => {
    const second = loopbackNetwork(member, { listen: { host: "127.0.0.1", port } });
    const outcome = await second.listen({ admit: () => true, onConnection: () => undefined });
    expect(outcome).toMatchObject({ ok: false, error: { code: "port-in-use" } });
    await second.close();
  });
});

/** A TCP proxy to a local port that can stop forwarding without closing. */
async function pullableCable(port: number) {
  const sockets: Socket[] = [];
  const server = createTcpServer((near) => {
    const far = connectTcp({ host: "127.0.0.1", port });
    sockets.push(near, far);
    near.on("error", () => far.destroy()).pipe(far);
    far.on("error", () => near.destroy()).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${portOf(server)}`,
    pull: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function portOf(server: { readonly address: () => unknown }): number {
  return (server.address() as AddressInfo).port;
}

describe("a dialer", () => {
  test("sends nothing to a server that is not who it should be", async () => {
    const impostor = createEphemeralIdentity();
    let readBytes = 0;
    const server = createServer(
      { key: impostor.privateKey, cert: impostor.certificate, ALPNProtocols: ["tidemark/1"] },
      (socket) => {
        socket.on("data", (chunk: Buffer) => (readBytes += chunk.length));
        socket.on("error", () => socket.destroy());
      },
    );
    server.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const port = portOf(server);
    const network = loopbackNetwork(member);
    const dialled = await network.dial(`127.0.0.1:${port}`, stranger.memberId);
    expect(dialled).toMatchObject({ ok: false, error: { code: "wrong-peer" } });
    await new Promise((resolve) => server.close(resolve));
    expect(readBytes).toBe(0);
    await network.close();
  });

  test("gives up on an address that takes the connection and stays silent", async () => {
    const open = new Set<Socket>();
    const server = createTcpServer((socket) => open.add(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const port = portOf(server);
    const network = loopbackNetwork(member, { handshakeMs: 100 });
    const dialled = await network.dial(`127.0.0.1:${port}`, stranger.memberId);
    expect(dialled).toMatchObject({ ok: false, error: { code: "timeout" } });
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await network.close();
  });
});
