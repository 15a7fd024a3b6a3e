import { expect, test } from "vitest";
import { logIndex, term } from "../../shared/base/ids.ts";
import type { LogEntry } from "../../shared/raft/types.ts";
import { Applier } from "../../electron/agent/replica/applier.ts";
import type { Store } from "../../electron/agent/ports.ts";

/** An applier whose store answers at once and notes how entries were grouped. */
function makeApplier(): { readonly applier: Applier; readonly batches: number[][] } {
  const batches: number[][] = [];
  const apply = (entries: readonly LogEntry[]): unknown => {
    batches.push(entries.map((entry) => entry.index));
    const position = { applied: { term: term(1), index: entries.at(-1)!.index }, checksum: "c" };
    return {
      type: "applied",
      position,
      tables: [],
      rowCount: 0,
      isSchemaChange: false,
      isSettingsChange: false,
    };
  };
  const store = {
    call: (_: string, params: { entries: readonly LogEntry[] }) =>
      Promise.resolve(apply(params.entries)),
    close: () => Promise.resolve(),
  } as unknown as Store;
  const applier = new Applier({
    store,
    log: { entriesFrom: () => [] } as never,
    logger: { info: () => undefined, warn: () => undefined },
    onApplied: () => undefined,
    onDiverged: () => undefined,
    onStoreLost: () => undefined,
  });
  applier.resume({ applied: { term: term(0), index: logIndex(0) }, checksum: "" }, logIndex(0));
  return { applier, batches };
}

function entries(from: number, to: number): readonly LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    term: term(1),
    index: logIndex(from + i),
    kind: "data",
    payload: new Uint8Array(8),
  }));
}

test("entries that were captured together are applied together, however they are committed", async () => {
  const { applier, batches } = makeApplier();
  applier.holdUntil(logIndex(3));
  applier.enqueue(entries(1, 2));
  applier.enqueue(entries(3, 3));
  await applier.reached(logIndex(3)).done;
  expect(batches).toEqual([[1, 2, 3]]);
  await applier.close();
});

test("what is committed is applied when leadership is lost before the rest is committed", async () => {
  const { applier, batches } = makeApplier();
  applier.holdUntil(logIndex(3));
  applier.enqueue(entries(1, 2));
  expect(batches).toEqual([]);
  applier.release();
  await applier.reached(logIndex(2)).done;
  expect(batches).toEqual([[1, 2]]);
  await applier.close();
});
