/** The faults of the fake disk: a test is only worth as much as the crash it survives. */
import { expect, it } from "vitest";
import { FakeDisk } from "../support/fake-disk.ts";
import { value } from "../log/log-fixtures.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (content: Uint8Array | null): string | null =>
  content === null ? null : new TextDecoder().decode(content);

/** What a crash left of a file, over many seeds. */
async function outcomes(
  run: (disk: FakeDisk) => Promise<void>,
  seedCount = 60,
): Promise<Set<string | null>> {
  const found = new Set<string | null>();
  for (let seed = 1; seed <= seedCount; seed++) {
    const disk = new FakeDisk({ seed });
    await run(disk);
    disk.crash();
    found.add(text(value(await disk.read("a"))));
  }
  return found;
}

it("keeps what was synced, file and name", async () => {
  const found = await outcomes(async (disk) => {
    const file = value(await disk.open("a"));
    value(await file.append([bytes("safe")]));
    value(await file.sync());
    value(await disk.syncFolder(""));
  });
  expect([...found]).toEqual(["safe"]);
});

it("may lose a name whose folder was not synced, though the file was", async () => {
  const found = await outcomes(async (disk) => {
    const file = value(await disk.open("a"));
    value(await file.append([bytes("safe")]));
    value(await file.sync());
  });
  expect(found).toEqual(new Set([null, "safe"]));
});

it("may keep, lose or tear an unsynced write", async () => {
  const found = await outcomes(async (disk) => {
    const file = value(await disk.open("a"));
    value(await disk.syncFolder(""));
    value(await file.append([bytes("unsynced")]));
  });
  expect(found).toContain("");
  expect(found).toContain("unsynced");
  expect(found.size).toBeGreaterThan(4);
});

it("may keep a later write without the earlier one", async () => {
  const found = await outcomes(async (disk) => {
    const file = value(await disk.open("a"));
    value(await disk.syncFolder(""));
    value(await file.append([bytes("1")]));
    value(await file.append([bytes("2")]));
  });
  expect(found).toContain("\u{0}2");
});

it("may undo an unsynced rename and removal", async () => {
  const renamed = await outcomes(async (disk) => {
    disk.putFile("a", bytes("old"));
    disk.putFile("b", bytes("new"));
    value(await disk.rename("b", "a"));
  });
  expect(renamed).toEqual(new Set(["old", "new"]));
  const removed = await outcomes(async (disk) => {
    disk.putFile("a", bytes("old"));
    value(await disk.remove("a"));
  });
  expect(removed).toEqual(new Set(["old", null]));
});

it("loses nothing when only the process ends, and its handles are dead", async () => {
  const disk = new FakeDisk();
  const file = value(await disk.open("a"));
  value(await file.append([bytes("cached")]));
  disk.crash("process-killed");
  expect(text(value(await disk.read("a")))).toBe("cached");
  expect((await file.append([bytes("ghost")])).ok).toBe(false);
  expect((await file.sync()).ok).toBe(false);
  expect(text(value(await disk.read("a")))).toBe("cached");
});

it("does the same for the same seed", async () => {
  const run = async (): Promise<string[]> => {
    const disk = new FakeDisk({ seed: 99 });
    for (const name of ["a", "b", "c", "d"]) {
      const file = value(await disk.open(name));
      for (let i = 0; i < 5; i++) value(await file.append([bytes(`${name}${i}`)]));
    }
    disk.crash();
    return [...disk.contents()].map(([path, content]) => `${path}=${text(content)}`);
  };
  expect(await run()).toEqual(await run());
});

it("fails the next sync, loses what it should have stored, and fails that file for good", async () => {
  const disk = new FakeDisk();
  const file = value(await disk.open("a"));
  value(await disk.syncFolder(""));
  value(await file.append([bytes("lost")]));
  disk.failNextSync();
  expect(await file.sync()).toMatchObject({ error: { code: "storage-failed" } });
  expect(await file.sync()).toMatchObject({ error: { code: "storage-failed" } });
  disk.crash();
  expect(text(value(await disk.read("a")))).toBe("");
});

it("stops at the change it was told to stop at", async () => {
  const disk = new FakeDisk();
  const file = value(await disk.open("a"));
  disk.haltAfter(2);
  expect((await file.append([bytes("1")])).ok).toBe(true);
  expect((await file.append([bytes("2")])).ok).toBe(true);
  expect((await file.append([bytes("3")])).ok).toBe(false);
  expect((await disk.remove("a")).ok).toBe(false);
  expect(text(value(await disk.read("a")))).toBe("12");
});

it("writes over bytes only where there is room, if it copies on write", async () => {
  for (const isCopyOnWrite of [false, true]) {
    const disk = new FakeDisk({ isCopyOnWrite });
    const file = value(await disk.open("a"));
    value(await file.append([bytes("12345")]));
    disk.setFreeBytes(2);
    expect((await file.overwrite(0, bytes("ab"))).ok).toBe(true);
    expect((await file.overwrite(0, bytes("abc"))).ok).toBe(!isCopyOnWrite);
    expect(await file.append([bytes("678")])).toMatchObject({ error: { code: "storage-full" } });
  }
});

it("asks before each step, and lets it fail", async () => {
  const disk = new FakeDisk();
  const steps: string[] = [];
  disk.setFault((step) => {
    steps.push(`${step.operation} ${step.path}`);
    return step.operation === "rename" ? { code: "storage-full", detail: "no room" } : null;
  });
  const file = value(await disk.open("log/a"));
  value(await file.append([bytes("1")]));
  value(await file.sync());
  value(await disk.syncFolder("log"));
  expect(await disk.rename("log/a", "log/b")).toMatchObject({ error: { code: "storage-full" } });
  expect(steps).toEqual([
    "create log/a",
    "append log/a",
    "sync log/a",
    "sync-folder log",
    "rename log/b",
  ]);
});

it("calls a name stored whose folder's sync failed, and loses it with the power", async () => {
  const disk = new FakeDisk();
  value(await disk.open("a"));
  disk.setFault((step) => {
    return step.operation === "sync-folder" ? { code: "storage-failed", detail: "EIO" } : null;
  });
  expect((await disk.syncFolder("")).ok).toBe(false);
  disk.setFault(() => null);
  value(await disk.syncFolder(""));
  expect(text(value(await disk.read("a")))).toBe("");
  disk.crash();
  expect(value(await disk.read("a"))).toBeNull();
});
