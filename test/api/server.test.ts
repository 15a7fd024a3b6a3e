/** The local server as an attacker, a browser and a script see it. */
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApiServer } from "../../electron/agent/api/server.ts";
import { memberId } from "../../shared/base/ids.ts";
import { send, startServer, TOKEN, WITH_TOKEN, type RunningServer } from "./running-server.ts";

let running: RunningServer;
let port: number;

beforeEach(async () => {
  running = await startServer();
  port = running.server.port;
});

afterEach(() => running.close());

function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  return send(port, path, {
    method: "POST",
    headers: { ...WITH_TOKEN, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

describe("who may ask", () => {
  it("refuses a Host that is not its own, also with the token", async () => {
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1",
      "127.0.0.1:1",
      `127.0.0.1:${port}.`,
    ]) {
      const answer = await send(port, "/api/status", { headers: { ...WITH_TOKEN, host } });
      expect([host, answer.status]).toEqual([host, 403]);
    }
    expect(running.service.calls).toEqual([]);
  });

  it("answers to all three names of loopback", async () => {
    for (const name of ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"]) {
      const headers = { ...WITH_TOKEN, host: `${name}:${port}` };
      expect((await send(port, "/api/status", { headers })).status).toBe(200);
    }
  });

  it("refuses pages of another origin, and of another port of this computer", async () => {
    const origins = ["https://evil.example", "null", "http://127.0.0.1:1", `http://evil:${port}`];
    for (const origin of origins) {
      expect((await post("/api/query", { sql: "SELECT 1" }, { origin })).status).toBe(403);
    }
    const own = await post(
      "/api/query",
      { sql: "SELECT 1" },
      { origin: `http://127.0.0.1:${port}` },
    );
    expect(own.status).toBe(200);
  });

  it("refuses requests a browser marks as coming from elsewhere", async () => {
    const crossSite = { "sec-fetch-site": "cross-site" };
    expect((await post("/api/query", { sql: "SELECT 1" }, crossSite)).status).toBe(403);
    const sameSite = { "sec-fetch-site": "same-site" };
    expect((await post("/auth", { token: TOKEN }, sameSite)).status).toBe(403);
    const own = { "sec-fetch-site": "same-origin" };
    expect((await post("/api/query", { sql: "SELECT 1" }, own)).status).toBe(200);
  });

  it("asks for credentials on everything but health and the window's files", async () => {
    const paths = ["/api/status", "/api/events", "/metrics", "/api/execute", "/api/call/backup"];
    for (const path of paths) {
      for (const authorization of ["", "Bearer", `Bearer ${"cd".repeat(32)}`, `Basic ${TOKEN}`]) {
        const answer = await send(port, path, { headers: { authorization } });
        expect([path, answer.status]).toEqual([path, 401]);
        expect(JSON.parse(answer.text)).toMatchObject({ error: { code: "unauthorized" } });
      }
    }
    for (const path of ["/healthz", "/readyz", "/leader", "/"]) {
      expect((await send(port, path)).status).toBe(200);
    }
  });

  it("never writes the token to the log", async () => {
    await post("/auth", { token: TOKEN });
    await post("/api/execute", { statements: "wrong" });
    await send(port, "/api/status", { headers: { authorization: `Bearer ${TOKEN}x` } });
    expect(running.logged.length).toBeGreaterThan(0);
    expect(running.logged.join("\n")).not.toContain(TOKEN);
  });

  it("gives a browser a cookie for the token, which then stands for it", async () => {
    expect((await post("/auth", { token: "wrong" }, { authorization: "" })).status).toBe(401);
    const answer = await post("/auth", { token: TOKEN }, { authorization: "" });
    expect(answer.status).toBe(204);
    const cookie = answer.headers["set-cookie"]?.[0] ?? "";
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(cookie).not.toContain(TOKEN);
    expect(cookie.startsWith(`tidemark-${port}=`)).toBe(true);
    const headers = { cookie: `other=1; ${cookie.split(";")[0]}` };
    expect((await send(port, "/api/status", { headers })).status).toBe(200);
    const foreign = { cookie: `tidemark-${port}=${"0".repeat(64)}` };
    expect((await send(port, "/api/status", { headers: foreign })).status).toBe(401);
  });

  it("refuses to listen where other computers could reach it", async () => {
    const { service } = running;
    const logger = { info: () => undefined, warn: () => undefined };
    const common = { service, port: 0, token: TOKEN, staticFolder: null, logger };
    for (const host of ["0.0.0.0", "::", "192.168.1.5", "example.org"]) {
      const started = await createApiServer({ ...common, host });
      expect(started).toMatchObject({ ok: false, error: { code: "not-allowed" } });
    }
    const taken = await createApiServer({ ...common, host: "127.0.0.1", port });
    expect(taken).toMatchObject({ ok: false, error: { code: "port-in-use" } });
  });
});

describe("what may be asked", () => {
  it("executes, queries and reports errors with their code", async () => {
    const create = {
      statements: [{ sql: "CREATE TABLE t (a)" }, { sql: "INSERT INTO t VALUES (?)", params: [7] }],
    };
    const executed = await post("/api/execute", create);
    expect(JSON.parse(executed.text)).toMatchObject({ term: 3, results: [{}, { changes: 1 }] });
    const queried = await post("/api/query", { sql: "SELECT a FROM t" });
    expect(JSON.parse(queried.text)).toMatchObject({
      columns: ["a"],
      rows: [[7]],
      asOf: { term: 3 },
    });
    const failed = await post("/api/query", { sql: "SELECT missing FROM t" });
    expect(failed.status).toBe(400);
    expect(JSON.parse(failed.text).error).toMatchObject({
      code: "sql-error",
      message: expect.stringContaining("no such column: missing"),
    });
  });

  it("tells who leads when it does not", async () => {
    const leader = { id: memberId("m2"), name: "lab", address: "10.0.0.2:7412", http: null };
    running.service.before = () => ({ code: "not-leader", message: "lab leads.", leader });
    const answer = await post("/api/execute", { statements: [{ sql: "DELETE FROM t" }] });
    expect(answer.status).toBe(409);
    expect(JSON.parse(answer.text)).toEqual({
      error: { code: "not-leader", message: "lab leads.", leader },
    });
  });

  it("reaches every method under /api/call and no other name", async () => {
    expect((await post("/api/call/tables", {})).status).toBe(200);
    for (const name of ["constructor", "toString", "__proto__", "close", "nothing"]) {
      expect((await post(`/api/call/${name}`, {})).status).toBe(404);
    }
    expect((await post("/api/call/status/../x", {})).status).toBe(404);
  });

  it("refuses parameters of the wrong shape with the place, before the agent sees them", async () => {
    const wrong: [string, unknown, string][] = [
      ["execute", { statements: [] }, "statements"],
      [
        "execute",
        { statements: [{ sql: "x", params: [{ $int: "9223372036854775808" }] }] },
        "statements.0.params",
      ],
      ["execute", { statements: [{ sql: "x" }], clientId: "a" }, "clientId and sequence"],
      ["execute", { statements: [{ sql: "x" }], surprise: 1 }, "surprise"],
      ["query", { sql: "x", rowsMax: 0 }, "rowsMax"],
      ["query", { sql: "x", params: [true] }, "params"],
      ["query", { sql: "x", readLevel: "bounded" }, "maxStalenessMs"],
      [
        "insertRows",
        { table: "t", columns: ["a", "b"], rows: [[1, 2], [1]] },
        "row 1 has 1 values",
      ],
      ["insertRows", { table: "t", columns: ["a", "a"], rows: [] }, "twice"],
      ["insertRows", { table: "t", columns: ["a"], rows: [[{ $blob: "a" }]] }, "rows"],
      ["status", [], "status"],
      ["query", null, "query"],
    ];
    for (const [method, params, place] of wrong) {
      const answer = await post(`/api/call/${method}`, params);
      expect([place, answer.status]).toEqual([place, 400]);
      expect(JSON.parse(answer.text).error.message).toContain(place);
    }
    expect(running.service.calls).toEqual([]);
  });

  it("refuses bodies that are not JSON, not declared as JSON, or not UTF-8", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await post("/api/query", '{"sql":"SELECT 1"}', form)).status).toBe(415);
    expect((await post("/api/query", "{", {})).status).toBe(400);
    const bytes = Buffer.concat([Buffer.from('{"sql":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    const answer = await send(port, "/api/query", {
      method: "POST",
      headers: WITH_TOKEN,
      body: bytes,
    });
    expect(answer.status).toBe(400);
    expect((await send(port, "/api/execute", { headers: WITH_TOKEN })).status).toBe(405);
    expect((await send(port, "/api/status", { method: "POST", headers: WITH_TOKEN })).status).toBe(
      405,
    );
  });

  it("answers an agent's bug without its details, and goes on", async () => {
    running.service.before = () => Promise.reject(new Error("secret path /home/ada"));
    const answer = await post("/api/query", { sql: "SELECT 1" });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("secret");
    expect(running.logged.join("\n")).toContain("secret path");
    running.service.before = () => null;
    expect((await post("/api/query", { sql: "SELECT 1" })).status).toBe(200);
  });
});

describe("limits", () => {
  it("refuses a body one byte above the limit, declared or not, and takes one at it", async () => {
    await using(
      startServer({ limits: { bodyBytesMax: 1_000, bulkBodyBytesMax: 2_000 } }),
      async (small) => {
        const body = (bytes: number) => {
          const json = JSON.stringify({ sql: "SELECT 1" });
          return json + " ".repeat(bytes - json.length);
        };
        const ask = (bytes: number, headers: Record<string, string> = {}) =>
          send(small.server.port, "/api/query", {
            method: "POST",
            headers: { ...WITH_TOKEN, ...headers },
            body: body(bytes),
          });
        expect((await ask(1_000)).status).toBe(200);
        const declared = await ask(1_001);
        expect(declared.status).toBe(413);
        expect(JSON.parse(declared.text).error.code).toBe("too-large");
        expect((await ask(1_001, { "transfer-encoding": "chunked" })).status).toBe(413);
        const bulk = await send(small.server.port, "/api/call/insertRows", {
          method: "POST",
          headers: WITH_TOKEN,
          body: `{"table":"t","columns":["a"],"rows":[]}${" ".repeat(1_500)}`,
        });
        expect(bulk.status).not.toBe(413);
      },
    );
  });

  it("gives up on a request that does not arrive", async () => {
    const limits = { requestMs: 150, headersMs: 150, checkEveryMs: 50 };
    await using(startServer({ limits }), async (slow) => {
      const text = await new Promise<string>((resolve, reject) => {
        const socket = connect(slow.server.port, "127.0.0.1", () => {
          socket.write(`POST /api/query HTTP/1.1\r\nHost: 127.0.0.1:${slow.server.port}\r\n`);
        });
        let received = "";
        socket.on("data", (part) => (received += part.toString()));
        socket.on("close", () => resolve(received));
        socket.on("error", reject);
      });
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
    });
  });

  it("closes while a reader of events and a half-sent request hang on it", async () => {
    const hanging = await startServer();
    const stream = await fetch(`${hanging.server.url}/api/events`, { headers: WITH_TOKEN });
    const socket = connect(hanging.server.port, "127.0.0.1");
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => undefined);
    const head = [
      "POST /api/query HTTP/1.1",
      `Host: 127.0.0.1:${hanging.server.port}`,
      `Authorization: ${WITH_TOKEN.authorization}`,
      "Content-Type: application/json",
      "Content-Length: 100",
    ];
    await new Promise((resolve) => socket.write(`${head.join("\r\n")}\r\n\r\n{`, resolve));
    await hanging.close();
    await closed;
    expect(await stream.text()).toContain("event: status");
    expect(hanging.service.listenerCount).toBe(0);
  });
});

describe("the window's files", () => {
  it("are served with a strict policy, and nothing outside of their folder is", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tidemark-static-"));
    await mkdir(join(folder, "ui", "assets"), { recursive: true });
    await writeFile(join(folder, "ui", "index.html"), "<!doctype html>");
    await writeFile(join(folder, "ui", "assets", "main-1a.js"), "1");
    await writeFile(join(folder, "ui", ".hidden.js"), "secret");
    await writeFile(join(folder, "secret.js"), "secret");
    await using(startServer({ staticFolder: join(folder, "ui") }), async (ui) => {
      const page = await send(ui.server.port, "/");
      expect(page.text).toBe("<!doctype html>");
      const policy = page.headers["content-security-policy"];
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
      expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${ui.server.port} `);
      expect(page.headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
      });
      expect(page.headers).not.toHaveProperty("access-control-allow-origin");
      const script = await send(ui.server.port, "/assets/main-1a.js");
      expect([script.status, script.headers["cache-control"]]).toEqual([
        200,
        expect.stringContaining("immutable"),
      ]);
      const outside = [
        "/../secret.js",
        "/%2e%2e/secret.js",
        "/..%2fsecret.js",
        "/.hidden.js",
        "//secret.js",
      ];
      for (const path of [
        ...outside,
        "/assets",
        "/assets/",
        "/assets/..\\..\\secret.js",
        "/a.js%00",
      ]) {
        const answer = await send(ui.server.port, path);
        expect([path, answer.status]).toEqual([path, 404]);
      }
    });
    await rm(folder, { recursive: true });
  });
});

async function using(
  starting: Promise<RunningServer>,
  work: (running: RunningServer) => Promise<void>,
): Promise<void> {
  const server = await starting;
  try {
    await work(server);
  } finally {
    await server.close();
  }
}
