import { describe, expect, it } from "vitest";
import { StorageState } from "../../electron/agent/replica/storage-state.ts";

const FULL = { code: "storage-full", detail: "ENOSPC" } as const;
const FAILED = { code: "storage-failed", detail: "EIO" } as const;

/** Everything that may happen to it afterwards. */
const LATER: readonly ((storage: StorageState) => void)[] = [
  (storage) => storage.diskError(FULL),
  (storage) => storage.recovered(),
  (storage) => storage.diverged("row 3"),
  (storage) => storage.rebuilt(),
];

describe("what is known of disk and database", () => {
  it("stays failed, whatever comes after: a failed sync is final", () => {
    const storage = new StorageState("/data");
    storage.diskError(FAILED);
    for (const happens of LATER) {
      happens(storage);
      expect(storage.shown).toMatchObject({ state: "failed", detail: "EIO" });
    }
    expect(storage.writeRefusal()?.code).toBe("storage-failed");
    expect(storage.readRefusal()).toBeNull();
  });

  it("stays damaged, whatever comes after, and is read all the same", () => {
    const storage = new StorageState("/data");
    storage.damaged("the log lost its middle");
    for (const happens of [...LATER, (each: StorageState) => each.diskError(FAILED)]) {
      happens(storage);
      expect(storage.shown.state).toBe("damaged");
    }
    expect(storage.writeRefusal()?.code).toBe("log-damaged");
    expect(storage.readRefusal()).toBeNull();
  });

  it("gets well from a full disk by room alone, and fails from it for good", () => {
    const storage = new StorageState("/data");
    storage.diskError(FULL);
    storage.rebuilt();
    expect(storage.writeRefusal()?.code).toBe("storage-full");
    storage.recovered();
    expect([storage.isOk, storage.shown.detail]).toEqual([true, null]);
    storage.diskError(FULL);
    storage.diskError(FAILED);
    storage.recovered();
    expect(storage.shown.state).toBe("failed");
  });

  it("shows nothing that differs from the leader's, until the database is made again", () => {
    const storage = new StorageState("/data");
    storage.diverged("row 3");
    storage.recovered();
    storage.diskError(FULL);
    expect(storage.readRefusal()?.code).toBe("diverged");
    expect(storage.writeRefusal()?.code).toBe("diverged");
    storage.rebuilt();
    expect([storage.isOk, storage.readRefusal(), storage.writeRefusal()]).toEqual([
      true,
      null,
      null,
    ]);
  });
});
