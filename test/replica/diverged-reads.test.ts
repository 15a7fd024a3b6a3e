/** A member that is known to differ: every question about the data says so, also one that was under way. */
import { describe, expect, it } from "vitest";
import { Methods, type ReplicaMethod } from "../../electron/agent/replica/methods.ts";
import { StorageState } from "../../electron/agent/replica/storage-state.ts";
import type { ApiParams } from "../../shared/api/methods.ts";
import { logIndex } from "../../shared/base/ids.ts";
import { ok } from "../../shared/base/result.ts";

/** Each method that answers with data, and how it is asked. */
const READS: { readonly [M in ReplicaMethod]?: ApiParams<M> } = {
  query: { sql: "SELECT 1" },
  tables: {},
  backup: {},
  transactions: {},
  transaction: { index: 1 },
  rowHistory: { table: "t" },
  undoPreview: { index: 1 },
  undoImportPreview: { importId: "a1" },
  restorePreview: { toIndex: 1 },
};
const PAST_READS: { readonly [M in ReplicaMethod]?: ApiParams<M> } = {
  query: { sql: "SELECT 1", asOf: { index: 1 } },
  tables: { asOf: { index: 1 } },
};

/** Methods whose parts answer nothing, but for what is given. */
function methodsOf(storage: StorageState, parts: object = {}): Methods {
  const reader = { waitUntilLoaded: () => Promise.resolve(null) };
  const context = { ports: { store: null, clock: null }, record: { id: "c" } };
  const applier = { position: { applied: { index: logIndex(1) } } };
  return new Methods({ storage, reader, context, applier, ...parts } as never);
}

describe("a member that is known to differ", () => {
  it.each([...Object.entries(READS), ...Object.entries(PAST_READS)])(
    "refuses %s %j with the code that says so",
    async (method, params) => {
      const storage = new StorageState("/data");
      storage.diverged("a before image did not fit");
      const answer = await methodsOf(storage).call(method as ReplicaMethod, params as never);
      expect(answer).toMatchObject({ ok: false, error: { code: "diverged" } });
    },
  );

  it("does not give out what it was reading when that became known", async () => {
    const storage = new StorageState("/data");
    const query = (): Promise<unknown> => {
      storage.diverged("a before image did not fit");
      return Promise.resolve(ok({ columns: [], rows: [[1]] }));
    };
    const reader = { waitUntilLoaded: () => Promise.resolve(null), query };
    const answer = await methodsOf(storage, { reader }).call("query", { sql: "SELECT 1" });
    expect(answer).toMatchObject({ ok: false, error: { code: "diverged" } });
  });

  it("that was found to differ again while it was filled does not read then", async () => {
    const storage = new StorageState("/data");
    const waitUntilLoaded = (): Promise<null> => {
      storage.diverged("the log does not fit to the newest snapshot");
      return Promise.resolve(null);
    };
    const answer = await methodsOf(storage, { reader: { waitUntilLoaded } }).call("tables", {});
    expect(answer).toMatchObject({ ok: false, error: { code: "diverged" } });
  });
});
