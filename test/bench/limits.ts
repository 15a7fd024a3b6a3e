/**
 * What this machine can do without us, measured in the same minutes as the rest: a disk that is
 * ten times faster in the next hour makes figures of two runs incomparable.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { WebSocket } from "ws";
import type { BenchOptions } from "./bench-options.ts";
import { distributionOf, type Distribution, type Figure } from "./figures.ts";
import { answerOf, startLimitProcess, type RawSpeed } from "./limit-process.ts";

/** The limits other figures are compared with. */
export type Limits = {
  readonly syncMs: Distribution;
  readonly roundTripMs: Distribution;
  readonly raw: RawSpeed;
};

const APPEND_BYTES = 128;
const MESSAGE_BYTES = 200;
const WARM_UP_COUNT = 50;
/** More rows say nothing new and take memory. */
const RAW_ROW_COUNT_MAX = 200_000;

/** Measures all three. */
export async function measureLimits(options: BenchOptions): Promise<Limits> {
  const { limitMs, rowCount } = options.sizes;
  const wasm = join(dirname(options.program), "sql-wasm.wasm");
  return {
    syncMs: await measureSync(limitMs),
    roundTripMs: await measureRoundTrip(limitMs),
    raw: await measureRaw(wasm, Math.min(rowCount, RAW_ROW_COUNT_MAX)),
  };
}

/** The limits as lines of the report. */
export function limitFigures({ syncMs, roundTripMs, raw }: Limits): readonly Figure[] {
  return [
    { name: "fdatasync of a 128 B append, p50", value: syncMs.p50, unit: "ms" },
    { name: "fdatasync of a 128 B append, p99", value: syncMs.p99, unit: "ms" },
    { name: "fdatasync of 128 B appends", value: rateOfSync(syncMs), unit: "syncs/s" },
    { name: "ws over TLS 1.3, 200 B there and back, p50", value: roundTripMs.p50, unit: "ms" },
    { name: "ws over TLS 1.3, 200 B there and back, p99", value: roundTripMs.p99, unit: "ms" },
    { name: "SQL.js alone, prepared, row by row", value: raw.single, unit: "rows/s" },
    { name: "SQL.js alone, 100 rows per statement", value: raw.hundreds, unit: "rows/s" },
  ];
}

/** Syncs per second, one after the other. */
export function rateOfSync(syncMs: Distribution): number {
  return 1_000 / syncMs.p50;
}

async function measureSync(limitMs: number): Promise<Distribution> {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-bench-sync-"));
  const file = openSync(join(folder, "appends"), "w");
  const bytes = Buffer.alloc(APPEND_BYTES, 7);
  try {
    return timed(limitMs, () => {
      writeSync(file, bytes);
      fdatasyncSync(file);
    });
  } finally {
    closeSync(file);
    await rm(folder, { recursive: true, force: true });
  }
}

function timed(limitMs: number, action: () => void): Distribution {
  const tookMs: number[] = [];
  const endMs = performance.now() + limitMs;
  for (let nowMs = performance.now(); nowMs < endMs;) {
    action();
    const doneMs = performance.now();
    tookMs.push(doneMs - nowMs);
    nowMs = doneMs;
  }
  return distributionOf(tookMs);
}

async function measureRoundTrip(limitMs: number): Promise<Distribution> {
  const child = startLimitProcess("echo");
  try {
    const port = await answerOf<number>(child);
    const socket = new WebSocket(`wss://127.0.0.1:${port}`, {
      perMessageDeflate: false,
      rejectUnauthorized: false,
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("error", reject);
    });
    const tookMs = await roundTrips(socket, limitMs);
    socket.terminate();
    return distributionOf(tookMs.slice(WARM_UP_COUNT));
  } finally {
    child.disconnect();
  }
}

function roundTrips(socket: WebSocket, limitMs: number): Promise<readonly number[]> {
  const message = Buffer.alloc(MESSAGE_BYTES, 7);
  const tookMs: number[] = [];
  const endMs = performance.now() + limitMs;
  return new Promise((resolve) => {
    let sentMs = performance.now();
    socket.on("message", () => {
      const nowMs = performance.now();
      tookMs.push(nowMs - sentMs);
      if (nowMs >= endMs && tookMs.length > 2 * WARM_UP_COUNT) return resolve(tookMs);
      sentMs = nowMs;
      socket.send(message);
    });
    socket.send(message);
  });
}

async function measureRaw(wasm: string, rowCount: number): Promise<RawSpeed> {
  const child = startLimitProcess("raw-inserts", wasm, String(rowCount));
  try {
    return await answerOf<RawSpeed>(child);
  } finally {
    child.disconnect();
  }
}
