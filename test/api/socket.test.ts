/** The window's connection: requests, answers, events, and clients that misbehave. */
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { ClientChannel } from "../../electron/agent/api/client-channel.ts";
import { API_LIMITS } from "../../electron/agent/api/limits.ts";
import { servePort } from "../../electron/agent/api/port-server.ts";
import { logIndex } from "../../shared/base/ids.ts";
import type { ApiEvent, ApiReply } from "../../shared/api/methods.ts";
import { ok } from "../../shared/base/result.ts";
import { openFakeService } from "./fake-service.ts";
import { send, startServer, TOKEN, WITH_TOKEN, type RunningServer } from "./running-server.ts";

let running: RunningServer;

beforeEach(async () => {
  running = await startServer({ limits: { pendingCountMax: 2 } });
});

afterEach(() => running.close());

function open(headers: Record<string, string>): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${running.server.port}/ws`, { headers });
}

/** Replies in order; `next` skips pushed events unless one of that type is asked for. */
function reading(socket: WebSocket) {
  const replies: ApiReply[] = [];
  const waiting = new EventEmitter();
  socket.on("message", (data) => {
    replies.push(JSON.parse(data.toString()) as ApiReply);
    waiting.emit("more");
  });
  return async (isWanted: (reply: ApiReply) => boolean): Promise<ApiReply> => {
    for (;;) {
      const place = replies.findIndex(isWanted);
      if (place >= 0) return replies.splice(place, 1)[0] as ApiReply;
      await new Promise((resolve) => waiting.once("more", resolve));
    }
  };
}

function closing(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.on("close", resolve));
}

function committed(index: number, table: string): ApiEvent {
  const range = { fromIndex: logIndex(index), toIndex: logIndex(index) };
  return { type: "committed", ...range, tables: [table], rowCount: 1, isSchemaChange: false };
}

describe("WebSocket", () => {
  it("is refused without credentials, from other origins, other hosts and other paths", async () => {
    const { port } = running.server;
    const refused = async (headers: Record<string, string>, path = "/ws") => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
      return new Promise<string>((resolve) =>
        socket.on("error", (error) => resolve(error.message)),
      );
    };
    const authorization = WITH_TOKEN.authorization;
    expect(await refused({})).toContain("401");
    expect(await refused({ authorization, origin: "https://evil.example" })).toContain("403");
    expect(await refused({ authorization, host: "evil.example" })).toContain("403");
    expect(await refused({ authorization }, "/elsewhere")).toContain("400");
  });

  it("opens with the cookie of /auth and pushes the status first", async () => {
    const answer = await send(running.server.port, "/auth", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: TOKEN }),
    });
    const cookie = answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const socket = open({ cookie, origin: `http://127.0.0.1:${running.server.port}` });
    const next = reading(socket);
    expect(await next((reply) => "event" in reply)).toMatchObject({ event: { type: "status" } });
    socket.close();
    await closing(socket);
  });

  it("answers by id, reports errors, and pushes events to all", async () => {
    const socket = open(WITH_TOKEN);
    const next = reading(socket);
    await new Promise((resolve) => socket.on("open", resolve));
    socket.send(JSON.stringify({ id: 7, method: "query", params: { sql: "SELECT 42 AS n" } }));
    expect(await next((reply) => "id" in reply)).toMatchObject({ id: 7, result: { rows: [[42]] } });
    socket.send(JSON.stringify({ id: 8, method: "nothing" }));
    expect(await next((reply) => "id" in reply)).toMatchObject({
      id: 8,
      error: { code: "not-found" },
    });
    running.service.emit(committed(5, "t"));
    const event = await next((reply) => "event" in reply && reply.event.type === "committed");
    expect(event).toMatchObject({ event: { fromIndex: 5, tables: ["t"] } });
    socket.close();
    await closing(socket);
  });

  it("closes on what is no request and keeps serving others", async () => {
    for (const message of ["{", "[]", '{"method":"status"}', '{"id":1.5}', Buffer.from([1, 2])]) {
      const socket = open(WITH_TOKEN);
      socket.on("open", () => socket.send(message));
      expect([1007, 1008]).toContain(await closing(socket));
    }
    expect((await send(running.server.port, "/healthz")).status).toBe(200);
  });

  it("answers busy instead of letting requests pile up", async () => {
    let release = () => {};
    const gate = new Promise<null>((resolve) => (release = () => resolve(null)));
    running.service.before = (method) => (method === "tables" ? gate : null);
    const socket = open(WITH_TOKEN);
    const next = reading(socket);
    await new Promise((resolve) => socket.on("open", resolve));
    for (const id of [1, 2, 3]) socket.send(JSON.stringify({ id, method: "tables", params: {} }));
    expect(await next((reply) => "id" in reply)).toMatchObject({ id: 3, error: { code: "busy" } });
    release();
    expect(await next((reply) => "id" in reply)).toMatchObject({ id: 1, result: {} });
    socket.close();
    await closing(socket);
  });
});

describe("a client that does not read", () => {
  it("gets merged events and the latest status once it reads again", () => {
    let buffered = 0;
    const sent: ApiReply[] = [];
    let drained = () => {};
    const channel = new ClientChannel({
      dispatch: () => Promise.resolve(ok(null)),
      limits: API_LIMITS,
      sink: {
        send: (reply, onSent) => {
          sent.push(reply);
          drained = onSent;
        },
        bufferedBytes: () => buffered,
        close: () => undefined,
      },
    });
    channel.pushEvent(committed(1, "a"));
    buffered = API_LIMITS.eventBufferBytes;
    for (let index = 2; index <= 10_000; index++) {
      channel.pushEvent(committed(index, index % 2 === 0 ? "a" : "b"));
    }
    expect(sent.length).toBe(1);
    buffered = 0;
    drained();
    expect(sent.slice(1)).toEqual([
      {
        event: {
          type: "committed",
          fromIndex: 2,
          toIndex: 10_000,
          tables: ["a", "b"],
          rowCount: 9_999,
          isSchemaChange: false,
        },
      },
    ]);
  });

  it("is closed when its unread answers pass the bound", async () => {
    const closed: string[] = [];
    const channel = new ClientChannel({
      dispatch: () => Promise.resolve(ok("x")),
      limits: { ...API_LIMITS, bufferBytesMax: 100 },
      sink: { send: () => undefined, bufferedBytes: () => 101, close: (why) => closed.push(why) },
    });
    await channel.receive({ id: 1, method: "backup" });
    expect(closed).toEqual(["the client does not read its answers"]);
  });
});

describe("MessagePort", () => {
  it("serves the same methods and events, and lets go of a closed window", async () => {
    const service = await openFakeService();
    const sent: ApiReply[] = [];
    const port = Object.assign(new EventEmitter(), {
      postMessage: (message: unknown) => void sent.push(message as ApiReply),
      start: () => undefined,
      close: () => undefined,
    });
    const logger = { info: () => undefined, warn: () => undefined };
    servePort({ service, port, logger });
    port.emit("message", { data: { id: 1, method: "query", params: { sql: "SELECT 1" } } });
    await expect.poll(() => sent).toMatchObject([{ id: 1, result: { rows: [[1]] } }]);
    service.emit(committed(1, "t"));
    expect(sent[1]).toMatchObject({ event: { type: "committed" } });
    port.emit("close");
    expect(service.listenerCount).toBe(0);
    await service.close();
  });
});
