import { describe, expect, test } from "vitest";
import { WINDOW_BYTES_MAX, WINDOW_BYTES_MIN } from "../../electron/agent/replica/send-window.ts";
import { contentAt } from "../log/snapshot-fixtures.ts";
import { value } from "../log/log-fixtures.ts";
import { TransferWorld } from "./transfer-world.ts";
import type { Path } from "./transfer-world.ts";

const KIB = 1024;
const HEARTBEAT_MS = 100;

/** Moves an image over a path, and asks at every heartbeat what it would have to wait behind. */
async function heartbeatsDuring(path: Path, sizeBytes: number) {
  const world = new TransferWorld();
  world.path = path;
  const leader = await world.add("leader");
  const newcomer = await world.add("newcomer");
  value(await leader.files.write(contentAt(20, sizeBytes)));
  const queued: number[] = [];
  leader.sender.start(newcomer.id);
  const startedAtMs = world.clock.nowMs();
  while (leader.reports.length === 0) {
    await world.run(HEARTBEAT_MS, () => leader.reports.length > 0);
    queued.push(world.queuedBytes(leader, newcomer));
  }
  expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "sent" }]);
  const tookMs = world.clock.nowMs() - startedAtMs;
  return { queued, tookMs, bytesPerMs: sizeBytes / tookMs };
}

describe("what a heartbeat waits behind while a snapshot moves on its connection", () => {
  test.each([
    ["a radio link of 256 kbit/s", { bytesPerMs: 32, latencyMs: 5 }, 200 * KIB, 1100],
    ["a link of 8 Mbit/s", { bytesPerMs: 1000, latencyMs: 5 }, 4 * KIB * KIB, 200],
    ["a wireless LAN of 80 Mbit/s", { bytesPerMs: 10_000, latencyMs: 2 }, 8 * KIB * KIB, 200],
  ])("stays short on %s, and the link is used", async (_, path, sizeBytes, waitMsMax) => {
    const { queued, bytesPerMs } = await heartbeatsDuring(path, sizeBytes);
    const most = Math.max(...queued);
    expect(most).toBeLessThanOrEqual(WINDOW_BYTES_MAX);
    expect(most / path.bytesPerMs).toBeLessThanOrEqual(waitMsMax);
    expect(bytesPerMs / path.bytesPerMs).toBeGreaterThan(0.6);
  });

  test("is never more than the largest window, however fast the link is", async () => {
    const path = { bytesPerMs: 100_000, latencyMs: 20 };
    const { queued } = await heartbeatsDuring(path, 16 * KIB * KIB);
    expect(Math.max(...queued)).toBeLessThanOrEqual(WINDOW_BYTES_MAX + WINDOW_BYTES_MIN);
  });
});
