import { connect } from "node:net";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { API_LIMITS } from "../../electron/agent/api/limits.ts";
import { WITH_TOKEN, send, startServer } from "../api/running-server.ts";
import { until } from "../transport/real-ports.ts";

const FLOOD_COUNT = 1000;

/** A connection that says a few bytes and then waits for ever. */
function slowSocket(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => socket.destroy());
    socket.once("close", () => resolve(socket));
    socket.once("connect", () => {
      socket.write("POST /api/query HTTP/1.1\r\nHost: ");
      // Whoever is not let in is closed at once; the others stay.
      setTimeout(() => resolve(socket), 300);
    });
    socket.resume();
  });
}

test("a thousand slow clients take no more than the limit, and leave by themselves", async () => {
  const limits = { headersMs: 2000, requestMs: 2000, checkEveryMs: 100 };
  const running = await startServer({ limits });
  const { port } = running.server;
  const sockets = await Promise.all(Array.from({ length: FLOOD_COUNT }, () => slowSocket(port)));
  const held = sockets.filter((socket) => !socket.destroyed);
  expect(held.length).toBeLessThanOrEqual(API_LIMITS.connectionCountMax);
  expect(held.length).toBeGreaterThan(0);
  await until(() => sockets.every((socket) => socket.destroyed), 20_000);
  const answer = await send(port, "/api/status", { headers: WITH_TOKEN });
  expect(answer.status).toBe(200);
  await running.close();
});
