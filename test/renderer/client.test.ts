/**
 * What the window's client promises about answers, reconnects and writes. The transport is a fake.
 */
import { describe, expect, it } from "vitest";
import { AgentClient, type ConnectionState } from "../../renderer/agent/client.ts";
import type { Transport, TransportEvents } from "../../renderer/agent/transport.ts";
import type { ApiRequest } from "../../shared/api/methods.ts";

class FakeTransport implements Transport {
  events: TransportEvents | null = null;
  isOpen = false;
  readonly sent: ApiRequest[] = [];

  start(events: TransportEvents): void {
    this.events = events;
  }

  send(request: ApiRequest): boolean {
    if (this.isOpen) this.sent.push(request);
    return this.isOpen;
  }

  dispose(): void {
    this.isOpen = false;
  }

  open(): void {
    this.isOpen = true;
    this.events?.onOpen();
  }

  lose(): void {
    this.isOpen = false;
    this.events?.onLost("unreachable");
  }

  reply(id: number, result: unknown): void {
    this.events?.onReply({ id, result });
  }
}

function opened() {
  const transport = new FakeTransport();
  const client = new AgentClient(transport, "window-1");
  client.start();
  transport.open();
  return { transport, client };
}

/** Writes start after the one before: a turn of the event loop later. */
const turn = () => new Promise((done) => setTimeout(done, 0));
const insert = { statements: [{ sql: "INSERT INTO t VALUES (1)" }] };

describe("AgentClient", () => {
  it("answers a call with the reply of the same id, whatever the order", async () => {
    const { transport, client } = opened();
    const first = client.call("tables", {});
    const second = client.call("status", {});
    transport.reply(2, "status");
    transport.reply(1, "tables");
    expect(await first).toEqual({ ok: true, value: "tables" });
    expect(await second).toEqual({ ok: true, value: "status" });
    client.dispose();
  });

  it("fails a read at once when the connection drops or was never there", async () => {
    const { transport, client } = opened();
    const pending = client.call("status", {});
    transport.lose();
    expect(await pending).toMatchObject({ ok: false, error: { code: "agent-unreachable" } });
    const later = await client.call("status", {});
    expect(later).toMatchObject({ ok: false, error: { code: "agent-unreachable" } });
    client.dispose();
  });

  it("sends an unanswered write again after a reconnect, with the same sequence", async () => {
    const { transport, client } = opened();
    const written = client.write("execute", insert);
    await turn();
    transport.lose();
    transport.open();
    expect(transport.sent).toHaveLength(2);
    expect(transport.sent[0]?.params).toMatchObject({ clientId: "window-1", sequence: 1 });
    expect(transport.sent[1]?.params).toEqual(transport.sent[0]?.params);
    transport.reply(transport.sent[1]?.id ?? 0, { index: 5 });
    expect(await written).toEqual({ ok: true, value: { index: 5 } });
    client.dispose();
  });

  it("sends writes one at a time and in order", async () => {
    const { transport, client } = opened();
    void client.write("execute", insert);
    void client.write("execute", insert);
    await turn();
    expect(transport.sent).toHaveLength(1);
    transport.reply(transport.sent[0]?.id ?? 0, { index: 1 });
    await turn();
    expect(transport.sent[1]?.params).toMatchObject({ sequence: 2 });
    client.dispose();
  });

  // The first attempt may have been committed before the leader changed: a plain "not-leader"
  // would say that nothing was saved, which nobody knows.
  it("calls the outcome unknown when only the retry of a write was refused", async () => {
    const { transport, client } = opened();
    const written = client.write("execute", insert);
    await turn();
    transport.lose();
    transport.open();
    const error = { code: "not-leader", message: "Ada leads." } as const;
    transport.events?.onReply({ id: transport.sent[1]?.id ?? 0, error });
    expect(await written).toMatchObject({ ok: false, error: { code: "unknown-outcome" } });
    client.dispose();
  });

  it("tells a new listener the state of the connection at once", () => {
    const { transport, client } = opened();
    const states: ConnectionState[] = [];
    client.onConnection((state) => states.push(state));
    transport.lose();
    transport.events?.onLost("unauthorized");
    expect(states).toEqual(["open", "lost", "unauthorized"]);
    client.dispose();
  });
});
