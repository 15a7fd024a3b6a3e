/**
 * Ways to misbehave on a member's port, from a socket that never speaks to a member's own key in
 * the wrong hands. Each makes one connection, does its harm and resolves when the socket is gone.
 */
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import type { Identity } from "../../electron/agent/pairing/identity.ts";
import { randomBetween, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { FRAME_BYTES_MAX } from "../../shared/protocol/limits.ts";
import { hostileFrame, rightFrame } from "./hostile-frames.ts";

/** Whom to attack and with what. */
export type Attack = {
  readonly port: number;
  readonly rng: Rng;
  /** A key that is a member's. */
  readonly member: Identity;
  /** A key that nobody knows. */
  readonly stranger: Identity;
  /** A hello that fits. */
  readonly hello: Uint8Array;
};

/** How long a socket is kept at most; slow ones use it up. */
const LIFE_MAX_MS = 1500;

/** Chosen so that a run spends its time on many sockets rather than on slow ones. */
const SLOW_MS = 400;

const BINARY = 0x2;
const TEXT = 0x1;
const CONTINUATION = 0x0;
const FINAL = 0x80;

type Way = (attack: Attack) => Promise<void>;

const WAYS = {
  "tcp: connects and goes": (a) => plain(a, (socket) => socket.end()),
  "tcp: noise": (a) => plain(a, (socket) => socket.end(noise(a.rng, 600))),
  "tcp: plain http": (a) => plain(a, (socket) => socket.end("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
  "tcp: half a handshake": (a) => plain(a, (socket) => socket.write(helloOfTls(a.rng))),
  "tcp: reset": (a) => plain(a, (socket) => socket.resetAndDestroy()),
  "tls: no key": (a) => upgraded(a, {}, () => undefined),
  "tls: a stranger's key": (a) => upgraded(a, keyOf(a.stranger), () => undefined),
  "tls: another protocol": (a) =>
    upgraded(a, { ...keyOf(a.member), ALPNProtocols: ["h2"] }, () => undefined),
  "tls: noise instead of an upgrade": (a) =>
    secured(a, keyOf(a.member), (socket) => socket.end(noise(a.rng, 2000))),
  "tls: endless headers": (a) =>
    secured(a, keyOf(a.member), (socket) => {
      socket.write(`GET / HTTP/1.1\r\n${`x-${"y".repeat(200)}: z\r\n`.repeat(400)}`);
    }),
  "tls: a browser": (a) =>
    upgraded(a, keyOf(a.member), () => undefined, "Origin: https://evil.example\r\n"),
  "tls: slow headers": (a) =>
    secured(a, keyOf(a.member), (socket) => {
      const bytes = Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n");
      let at = 0;
      const timer = setInterval(() => {
        if (at >= bytes.length || socket.destroyed) return clearInterval(timer);
        socket.write(bytes.subarray(at, ++at));
      }, 40);
      socket.once("close", () => clearInterval(timer));
      setTimeout(() => socket.destroy(), SLOW_MS).unref();
    }),
  "member: noise before hello": (a) =>
    upgraded(a, keyOf(a.member), (socket) => socket.write(frameOf(BINARY, noise(a.rng, 300)))),
  "member: a message before hello": (a) =>
    upgraded(a, keyOf(a.member), (socket) => socket.write(frameOf(BINARY, rightFrame(a.rng)))),
  "member: hostile frames before hello": (a) =>
    upgraded(a, keyOf(a.member), (socket) => writeHostile(a, socket, 1)),
  "member: hostile frames after hello": (a) =>
    greeted(a, (socket) => writeHostile(a, socket, randomBetween(a.rng, 1, 8))),
  "member: a text frame": (a) =>
    greeted(a, (socket) => socket.write(frameOf(TEXT, Buffer.from("{}")))),
  "member: a frame said to be huge": (a) =>
    greeted(a, (socket) => {
      const head = Buffer.alloc(14);
      head[0] = FINAL | BINARY;
      head[1] = 0x80 | 127;
      head.writeBigUInt64BE(1n << BigInt(randomBetween(a.rng, 22, 62)), 2);
      socket.write(head);
    }),
  "member: a frame above the limit": (a) =>
    greeted(a, (socket) => socket.write(frameOf(BINARY, Buffer.alloc(FRAME_BYTES_MAX + 1)))),
  "member: half a frame": (a) =>
    greeted(a, (socket) => {
      const frame = frameOf(BINARY, rightFrame(a.rng));
      socket.end(frame.subarray(0, randomBetween(a.rng, 1, frame.length - 1)));
    }),
  "member: fragments that do not end": (a) =>
    greeted(a, (socket) => {
      socket.write(frameOf(BINARY, noise(a.rng, 100), false));
      for (let i = 0; i < 50; i++) socket.write(frameOf(CONTINUATION, noise(a.rng, 100), false));
    }),
  "member: frames inside each other": (a) =>
    greeted(a, (socket) => {
      const frame = frameOf(BINARY, rightFrame(a.rng));
      const half = Math.floor(frame.length / 2);
      socket.write(Buffer.concat([frame.subarray(0, half), frame, frame.subarray(half)]));
    }),
  "member: byte by byte": (a) =>
    greeted(a, (socket) => {
      for (const byte of frameOf(BINARY, hostileFrame(a.rng).frame)) {
        socket.write(Uint8Array.of(byte));
      }
    }),
  "member: says hello twice": (a) => greeted(a, (socket) => socket.write(frameOf(BINARY, a.hello))),
  "member: reads nothing": (a) =>
    greeted(a, (socket) => {
      socket.pause();
      for (let i = 0; i < 20; i++) socket.write(frameOf(BINARY, a.hello));
      setTimeout(() => socket.destroy(), SLOW_MS).unref();
    }),
} as const satisfies Record<string, Way>;

/** A way to misbehave. */
export type WayName = keyof typeof WAYS;

/** Every way. */
export const WAY_NAMES = Object.keys(WAYS) as readonly WayName[];

/** Misbehaves once, in a way of the generator's choice. */
export async function misbehave(attack: Attack): Promise<WayName> {
  const name = randomPick(attack.rng, WAY_NAMES);
  await WAYS[name](attack);
  return name;
}

function plain(attack: Attack, act: (socket: Socket) => void): Promise<void> {
  const socket = connectTcp({ host: "127.0.0.1", port: attack.port });
  socket.once("connect", () => act(socket));
  return goneOf(socket);
}

function secured(
  attack: Attack,
  options: ConnectionOptions,
  act: (socket: Socket) => void,
): Promise<void> {
  const socket = connectTls({
    host: "127.0.0.1",
    port: attack.port,
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
    ALPNProtocols: ["tidemark/1"],
    ...options,
  });
  socket.once("secureConnect", () => act(socket));
  return goneOf(socket);
}

function upgraded(
  attack: Attack,
  options: ConnectionOptions,
  act: (socket: Socket) => void,
  headers = "",
): Promise<void> {
  return secured(attack, options, (socket) => {
    socket.write(
      `GET / HTTP/1.1\r\nHost: member\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${headers}\r\n`,
    );
    socket.once("data", () => act(socket));
  });
}

function greeted(attack: Attack, act: (socket: Socket) => void): Promise<void> {
  return upgraded(attack, keyOf(attack.member), (socket) => {
    socket.write(frameOf(BINARY, attack.hello));
    act(socket);
  });
}

function writeHostile(attack: Attack, socket: Socket, count: number): void {
  for (let i = 0; i < count; i++) socket.write(frameOf(BINARY, hostileFrame(attack.rng).frame));
}

/** Reads and forgets; ends it itself when the other side does not. */
function goneOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), LIFE_MAX_MS);
    socket.resume();
    // Being refused is what it is here for.
    socket.on("error", () => socket.destroy());
    socket.once("end", () => socket.destroy());
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A WebSocket frame of a client, masked with zeros as the product's are. */
function frameOf(opcode: number, payload: Uint8Array, isFinal = true): Buffer {
  const extended = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extended + 4);
  head[0] = (isFinal ? FINAL : 0) | opcode;
  head[1] = 0x80 | (extended === 0 ? payload.length : extended === 2 ? 126 : 127);
  if (extended === 2) head.writeUInt16BE(payload.length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

function helloOfTls(rng: Rng): Uint8Array {
  const body = noise(rng, 200);
  return Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 3, 3, ...body);
}

function noise(rng: Rng, lengthMax: number): Uint8Array {
  const length = randomBetween(rng, 1, lengthMax);
  return Uint8Array.from({ length }, () => randomBetween(rng, 0, 255));
}

function keyOf(identity: Identity): ConnectionOptions {
  return { key: identity.privateKey, cert: identity.certificate };
}
