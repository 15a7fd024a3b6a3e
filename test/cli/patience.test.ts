/** Calls that take long: waited for while the agent lives, told how far they are, and never called failed unknown. */
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AgentClient } from "../../electron/cli/agent-client.ts";
import { postPatiently, type PatientAnswer } from "../../electron/cli/patient-post.ts";
import type { Terminal } from "../../electron/cli/terminal.ts";
import { whileWaiting } from "../../electron/cli/waiting.ts";
import type { BackupWork } from "../../shared/api/backups.ts";
import { Computer } from "./fixture.ts";

let server: Server;
let url: string;
/** Answers the long request. */
let answer: (body: string) => void;
/** Ends its connection without an answer. */
let hangUp: () => void;

beforeEach(async () => {
  server = createServer((request, response) => {
    request.resume();
    answer = (body) => void response.end(body);
    hangUp = () => void request.socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function post(isAlive: () => Promise<boolean>): Promise<PatientAnswer> {
  const pace = { askEveryMs: 1, unansweredMax: 4 };
  return postPatiently({ url, headers: {}, body: "{}", isAlive, pace });
}

it("waits for as long as the agent answers one of four questions", async () => {
  let askedCount = 0;
  const answered = await post(() => {
    askedCount += 1;
    if (askedCount === 100) answer('{"a":1}');
    return Promise.resolve(askedCount % 4 === 0);
  });
  expect(answered).toEqual({ type: "answered", isOk: true, body: { a: 1 } });
});

it("gives up on an agent that answers nothing at all, and says that it does not know", async () => {
  expect(await post(() => Promise.resolve(false))).toEqual({ type: "silent" });
});

it("tells an agent that ended before its answer from one that was never asked", async () => {
  const lost = post(() => {
    hangUp();
    return Promise.resolve(true);
  });
  expect(await lost).toEqual({ type: "lost" });
  const half = post(() => {
    answer('{"a":');
    return Promise.resolve(true);
  });
  expect(await half).toEqual({ type: "lost" });
  await new Promise((resolve) => server.close(resolve));
  expect(await post(() => Promise.resolve(true))).toEqual({ type: "not-sent" });
  server.listen(0, "127.0.0.1");
});

it("says of a backup whose agent ended that nobody knows, and where it would be listed", async () => {
  const computer = await Computer.start();
  const member = await computer.addMember("desk");
  const real = member.server.url;
  // Hands everything on but the one call in which the agent dies.
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    if (request.url === "/api/call/makeBackup") {
      request.socket.destroy();
      return;
    }
    const headers = { Authorization: request.headers.authorization ?? "" };
    void fetch(`${real}/api/call/status`, { method: "POST", headers, body: "{}" })
      .then((told) => told.text())
      .then((text) => response.end(text));
  });
  try {
    const running = { pid: process.pid, http: new URL(url).origin, memberId: "desk" };
    await writeFile(join(member.folder, "running.json"), JSON.stringify(running));
    const ran = await computer.run("backup", "/tmp/x.sqlite", "--data", member.folder);
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.error).toContain("may or may not have been done");
    expect(ran.error).toContain("listed by: tidemark backups");
  } finally {
    await computer.close();
  }
});

it("tells how far it is on stderr, each step once where nobody looks on", async () => {
  const told: string[] = [];
  const steps: (BackupWork | null)[] = [
    { step: "waiting", doneBytes: 0, totalBytes: null },
    { step: "waiting", doneBytes: 0, totalBytes: null },
    { step: "fetching", doneBytes: 1024, totalBytes: 4096 },
    null,
  ];
  let end: (value: number) => void = () => undefined;
  const work = new Promise<number>((resolve) => (end = resolve));
  const client = {
    call: () => {
      const now = steps.shift() ?? null;
      if (steps.length === 0) end(7);
      return Promise.resolve({ ok: true, value: { work: now } });
    },
  } as unknown as AgentClient;
  const terminal = {
    isErrorTty: false,
    error: (line: string) => told.push(line),
  } as unknown as Terminal;
  expect(await whileWaiting(work, { terminal, client, lookEveryMs: 1 })).toBe(7);
  expect(told.slice(0, 2)).toEqual([
    expect.stringMatching(/^waiting for the computer that makes it, \d s\n$/),
    expect.stringMatching(/^fetching it: 1\.0 KiB of 4\.0 KiB, \d s\n$/),
  ]);
});
