/**
 * What the limits need a process of their own for: the far end of a round trip, and SQL.js,
 * whose memory never shrinks. The bench starts itself with one word more.
 */
import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { createEphemeralIdentity } from "../../electron/agent/pairing/identity.ts";
import { loadSqlite } from "../../electron/store-worker/sqlite-module.ts";
import { benchRow, tableSql } from "./bench-rows.ts";

/** Rows per second of SQL.js alone, in one transaction. */
export type RawSpeed = { readonly single: number; readonly hundreds: number };

const ROLES = ["echo", "raw-inserts", "bare-image"] as const;
type LimitRole = (typeof ROLES)[number];

const ROWS_PER_STATEMENT = 100;

/** Starts this program again in a role. It ends when the bench ends. */
export function startLimitProcess(role: LimitRole, ...args: readonly string[]): ChildProcess {
  const script = process.argv[1];
  if (script === undefined) throw new Error("the bench was started from a file");
  return fork(script, [role, ...args], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

/** The next message of such a process. */
export function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as T));
    child.once("exit", (code) => reject(new Error(`a limit's process ended with code ${code}`)));
  });
}

/** Runs a role when this process was started for one. @returns whether it was. */
export async function maybeServeLimit(args: readonly string[]): Promise<boolean> {
  const role = ROLES.find((each) => each === args[0]);
  if (role === undefined || process.send === undefined) return false;
  process.once("disconnect", () => process.exit(0));
  const [, wasmFile = "", what = ""] = args;
  if (role === "echo") await serveEcho();
  else if (role === "raw-inserts") process.send(await measureRaw(wasmFile, Number(what)));
  else process.send(await openBareImage(wasmFile, what));
  return true;
}

/** SQL.js alone with a database file. @returns how many rows its largest question has to look at. */
async function openBareImage(wasmFile: string, file: string): Promise<number> {
  const sqlite = await loadSqlite(new Uint8Array(readFileSync(wasmFile)));
  const database = new sqlite.raw.Database(readFileSync(file)) as unknown as PlainDatabase;
  return Number(database.exec("SELECT count(*) FROM api_rows")[0]?.values[0]?.[0]);
}

/** The far end: TLS 1.3 with a member's kind of certificate, no compression. */
function serveEcho(): Promise<void> {
  const { privateKey, certificate } = createEphemeralIdentity();
  const server = createServer({ key: privateKey, cert: certificate, minVersion: "TLSv1.3" });
  new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      process.send?.((server.address() as AddressInfo).port);
      resolve();
    });
  });
}

type PlainStatement = { run(values: readonly unknown[]): void; free(): void };
type PlainDatabase = {
  run(sql: string): void;
  prepare(sql: string): PlainStatement;
  exec(sql: string): readonly { readonly values: readonly (readonly unknown[])[] }[];
  close(): void;
};

async function measureRaw(wasmFile: string, rowCount: number): Promise<RawSpeed> {
  const sqlite = await loadSqlite(new Uint8Array(readFileSync(wasmFile)));
  const open = () => new sqlite.raw.Database(null) as unknown as PlainDatabase;
  const rows = Array.from({ length: rowCount }, (_, id) => benchRow(id));
  return { single: rateOf(open(), rows, 1), hundreds: rateOf(open(), rows, ROWS_PER_STATEMENT) };
}

function rateOf(
  database: PlainDatabase,
  rows: readonly (readonly unknown[])[],
  perStatement: number,
): number {
  database.run(tableSql("bench"));
  const startMs = performance.now();
  database.run("BEGIN");
  const places = Array.from({ length: perStatement }, () => "(?, ?, ?)").join(", ");
  const statement = database.prepare(`INSERT INTO bench VALUES ${places}`);
  const wholeCount = Math.floor(rows.length / perStatement);
  for (let i = 0; i < wholeCount; i++) {
    const at = i * perStatement;
    statement.run(perStatement === 1 ? (rows[at] ?? []) : rows.slice(at, at + perStatement).flat());
  }
  statement.free();
  database.run("COMMIT");
  const tookMs = performance.now() - startMs;
  database.close();
  return ((wholeCount * perStatement) / tookMs) * 1_000;
}
