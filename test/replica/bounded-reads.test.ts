import { expect, it } from "vitest";
import type { Applier } from "../../electron/agent/replica/applier.ts";
import type { Store } from "../../electron/agent/ports.ts";
import { Reader } from "../../electron/agent/replica/reader.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { ok } from "../../shared/base/result.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

it.each([
  ["ahead, as after a sleep", 3_600_000],
  ["back, as after a sleep with an empty clock battery", -3_600_000],
])("a bounded read asks a quorum anew when the wall clock is %s", async (_, byMs) => {
  const clock = new VirtualClock();
  const applied = { term: term(1), index: logIndex(10) };
  const rows = { columns: [], rows: [], isTruncated: false, applied };
  let rounds = 0;
  let isLeaderThere = true;
  const reader: Reader = new Reader({
    clock,
    store: { call: () => Promise.resolve(ok(rows)) } as unknown as Store,
    applier: {
      isReadable: true,
      readableFrom: logIndex(0),
      position: { applied, checksum: "" },
      reached: () => ({ done: Promise.resolve("reached"), cancel: () => undefined }),
    } as unknown as Applier,
    asOf: () => ({}) as AsOf,
    stalenessMs: () => null,
    waitMs: 100,
    readIndex: (requestId) => {
      rounds++;
      const index = isLeaderThere ? logIndex(10) : null;
      queueMicrotask(() => reader.onReadAnswer({ requestId, index }));
    },
  });
  const asked = { sql: "SELECT 1", readLevel: "bounded", maxStalenessMs: 10_000 } as const;
  expect(await reader.query(asked)).toMatchObject({ ok: true });
  clock.advanceTo(100);
  expect(await reader.query(asked)).toMatchObject({ ok: true });
  expect(rounds).toBe(1);
  clock.jumpWall(byMs);
  isLeaderThere = false;
  const late = reader.query(asked);
  for (let turn = 0; turn < 200; turn++) {
    await Promise.resolve();
    if (clock.pendingCount > 0) clock.runNext();
  }
  expect(await late).toMatchObject({ error: { code: "stale" } });
});
