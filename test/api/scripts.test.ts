/** Events, health and metrics: what scripts and dashboards read. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import { send, startServer, WITH_TOKEN, type RunningServer } from "./running-server.ts";

let running: RunningServer;
let port: number;

beforeEach(async () => {
  running = await startServer();
  port = running.server.port;
});

afterEach(() => running.close());

function post(path: string, body: unknown) {
  return send(port, path, { method: "POST", headers: WITH_TOKEN, body: JSON.stringify(body) });
}

describe("for scripts", () => {
  it("streams the status at once and events as they come", async () => {
    const response = await fetch(`${running.server.url}/api/events`, { headers: WITH_TOKEN });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    const until = async (wanted: string) => {
      while (!text.includes(wanted))
        text += Buffer.from((await reader.read()).value ?? []).toString();
    };
    await until('"type":"status"');
    const range = { fromIndex: logIndex(5), toIndex: logIndex(6) };
    running.service.emit({
      type: "committed",
      ...range,
      tables: ["t"],
      rowCount: 2,
      isSchemaChange: false,
    });
    await until('event: committed\ndata: {"type":"committed","fromIndex":5');
    await reader.cancel();
  });

  it("says by status code who leads and who is close enough behind", async () => {
    const follow = { role: "follower" as const, canWrite: false };
    const lag = { entries: 3, bytes: 9, ms: 400, asOf: null, leaderReachable: true };
    const statusOf = async (path: string) => (await send(port, path)).status;
    expect([await statusOf("/leader"), await statusOf("/follower")]).toEqual([200, 503]);
    running.service.overrides = { ...follow, lag };
    expect([await statusOf("/leader"), await statusOf("/follower")]).toEqual([503, 200]);
    expect([await statusOf("/follower?lag=399"), await statusOf("/follower?lag=400")]).toEqual([
      503, 200,
    ]);
    expect(await statusOf("/follower?lag=x")).toBe(400);
    running.service.overrides = { ...follow, lag: { ...lag, leaderReachable: false } };
    expect([await statusOf("/follower"), await statusOf("/readyz")]).toEqual([503, 200]);
    running.service.overrides = { role: "leader", canWrite: false };
    expect(await statusOf("/leader")).toBe(503);
    running.service.overrides = { cluster: null };
    expect([await statusOf("/readyz"), await statusOf("/healthz")]).toEqual([503, 200]);
    const storage = { state: "failed" as const, detail: null, folder: "/data" };
    running.service.overrides = { storage };
    expect(await statusOf("/healthz")).toBe(503);
  });

  it("counts for Prometheus", async () => {
    await post("/api/query", { sql: "SELECT 1" });
    await post("/api/query", { sql: "SELECT missing" });
    await post("/api/call/nothing", {});
    await send(port, "/api/status", {});
    const at = { at: "2026-11-22T12:00:00Z", sentence: "lab leads." };
    running.service.emit({ type: "leadership", term: term(4), leader: memberId("m2"), ...at });
    const { text, headers } = await send(port, "/metrics", { headers: WITH_TOKEN });
    expect(headers["content-type"]).toContain("text/plain");
    expect(text).toContain("# TYPE tidemark_is_leader gauge\ntidemark_is_leader 1");
    expect(text).toContain('tidemark_api_requests_total{method="query",code="ok"} 1');
    expect(text).toContain('tidemark_api_requests_total{method="query",code="sql-error"} 1');
    expect(text).toContain('tidemark_api_requests_total{method="unknown",code="not-found"} 1');
    expect(text).toContain('tidemark_api_refused_total{reason="credentials"} 1');
    expect(text).toContain("tidemark_leader_changes_total 1");
    expect(text).toContain('tidemark_member_connected{member="m2",name="lab"} 1');
  });
});
