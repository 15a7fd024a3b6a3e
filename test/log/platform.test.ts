/** The real world's side of the ports, where it goes beyond the contract suites. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { toDiskError } from "../../electron/agent/platform/disk-errors.ts";
import { lockFolder } from "../../electron/agent/platform/file-lock.ts";
import { openLogger } from "../../electron/agent/platform/json-logger.ts";
import { NodeDiskFile } from "../../electron/agent/platform/node-disk-file.ts";
import { NodeDisk } from "../../electron/agent/platform/node-disk.ts";
import { NodeRandom } from "../../electron/agent/platform/node-random.ts";
import { SyncPace } from "../../electron/agent/platform/sync-pace.ts";
import { fillDisk, mountSmallDisk } from "../support/small-disk.ts";
import { entriesBetween, hardStateOf, silentLogger, value, wordsOf } from "./log-fixtures.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-platform-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const newDisk = (): NodeDisk => new NodeDisk(root, () => performance.now());

describe("the log on a real disk", () => {
  it("is found again, entry by entry", async () => {
    const options = { folder: "log", logger: silentLogger, segmentBytesMax: 2000 };
    const { log } = value(await ReplicationLog.open({ ...options, disk: newDisk() }));
    value(await log.saveHardState(hardStateOf(2, "n1")));
    for (let first = 1; first <= 100; first += 10) {
      value(await log.append(entriesBetween(first, first + 9, 2, 100)));
    }
    value(await log.persist({ hardState: hardStateOf(3), entries: entriesBetween(95, 96, 3) }));
    value(await log.truncatePrefix(logIndex(50)));
    const words = wordsOf(log);
    await log.close();
    const again = value(await ReplicationLog.open({ ...options, disk: newDisk() }));
    expect(wordsOf(again.log)).toEqual(words);
    expect([again.log.lastIndex, again.hardState]).toEqual([96, hardStateOf(3)]);
    await again.log.close();
  });

  it("keeps its files from other users", async () => {
    const disk = newDisk();
    value(await disk.makeFolder("log"));
    const file = value(await disk.open("log/a"));
    await file.close();
    expect(statSync(join(root, "log/a")).mode & 0o077).toBe(0);
    expect(statSync(join(root, "log")).mode & 0o077).toBe(0);
  });
});

describe("errors of the system", () => {
  it("become codes; an unknown one is the worst", () => {
    const codeOf = (errno: string): string =>
      toDiskError(Object.assign(new Error("failed"), { code: errno })).code;
    expect(codeOf("ENOSPC")).toBe("storage-full");
    expect(codeOf("EROFS")).toBe("not-writable");
    expect(codeOf("EACCES")).toBe("not-writable");
    expect(codeOf("EIO")).toBe("storage-failed");
    expect(codeOf("EWHATEVER")).toBe("storage-failed");
  });

  it("reach the caller of the disk as results", async () => {
    writeFileSync(join(root, "file"), "x");
    expect(await newDisk().open("file/below")).toMatchObject({
      ok: false,
      error: { code: "storage-failed" },
    });
  });

  it("are no failure where a file is closed: what was synced is stored, and nobody waits", async () => {
    const failing = async (error: Error): Promise<NodeDiskFile> => {
      const handle = await open(join(root, "file"), "w+");
      const close = async (): Promise<void> => {
        await handle.close();
        throw error;
      };
      const wrapped = new Proxy(handle, {
        get: (target, name) => (name === "close" ? close : Reflect.get(target, name, target)),
      });
      return new NodeDiskFile(wrapped, 0, new SyncPace(), () => 0);
    };
    const file = await failing(Object.assign(new Error("EIO: close"), { code: "EIO" }));
    value(await file.append([new Uint8Array(3)]));
    value(await file.sync());
    await file.close();
    await file.close();
    // What the system did not say is a bug, and goes on as one.
    const broken = await failing(new TypeError("not a file"));
    await expect(broken.close()).rejects.toThrow("not a file");
  });

  it("a path out of the data folder is a bug", async () => {
    await expect(newDisk().read("../elsewhere")).rejects.toThrow(/inside the data folder/);
  });
});

describe("how to sync", () => {
  it("is chosen by the median: in place when fast, elsewhere when slow", () => {
    const pace = new SyncPace();
    expect(pace.isFast).toBe(false);
    for (let i = 0; i < 5; i++) pace.record(0.2);
    pace.record(50);
    expect(pace.isFast).toBe(true);
    for (let i = 0; i < 15; i++) pace.record(3);
    expect(pace.isFast).toBe(false);
  });
});

describe("the lock of a data folder", () => {
  it("refuses a second holder and is free after its release", async () => {
    const lock = value(await lockFolder(root));
    expect(await lockFolder(root)).toMatchObject({ ok: false, error: { code: "locked" } });
    await lock.release();
    const again = value(await lockFolder(root));
    await again.release();
    expect(readdirSync(root)).toEqual([]);
  });

  it("is held by a living process and taken over from a dead one", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const line = readFileSync(`/proc/${child.pid}/stat`, "utf8");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const startedAt = `${boot}:${line.slice(line.lastIndexOf(")") + 2).split(" ")[19]}`;
    writeFileSync(join(root, "lock"), JSON.stringify({ pid: child.pid, startedAt }));
    expect(await lockFolder(root)).toMatchObject({ ok: false, error: { code: "locked" } });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
    const lock = value(await lockFolder(root));
    await lock.release();
  });

  it("is taken over when its process number belongs to another process by now", async () => {
    const stale = { pid: process.ppid, startedAt: "an-earlier-boot:1" };
    writeFileSync(join(root, "lock"), JSON.stringify(stale));
    value(await lockFolder(root));
  });

  it("goes to one of several that start at the same moment over a dead one's lock", async () => {
    writeFileSync(join(root, "lock"), JSON.stringify({ pid: 2 ** 30, startedAt: "" }));
    const program = await buildLocker(join(root, "program"));
    const codes = await Promise.all([1, 2, 3].map(() => runLocker(program, root)));
    expect(codes.sort()).toEqual(["locked", "locked", "ok"]);
  });

  it("is held by a living process whose number means nothing here, as in another container", async () => {
    const lock = value(await lockFolder(root));
    writeFileSync(join(root, "lock"), JSON.stringify({ pid: 2 ** 30, startedAt: "elsewhere:1" }));
    expect(await lockFolder(root)).toMatchObject({ ok: false, error: { code: "locked" } });
    rmSync(join(root, "lock"));
    expect(await lockFolder(root)).toMatchObject({ ok: false, error: { code: "locked" } });
    await lock.release();
    await value(await lockFolder(root)).release();
  });

  it("is taken on a full disk, also over a dead one's, and given back", async (context) => {
    const small = await mountSmallDisk(join(root, "disk"), 1);
    if (small === null) return context.skip();
    try {
      const stale = { pid: 2 ** 30, startedAt: "" };
      writeFileSync(join(small.folder, "lock"), JSON.stringify(stale));
      fillDisk(join(small.folder, "ballast"));
      const lock = value(await lockFolder(small.folder));
      expect(await lockFolder(small.folder)).toMatchObject({ error: { code: "locked" } });
      await lock.release();
      expect(readdirSync(small.folder)).toEqual(["ballast"]);
    } finally {
      await small.unmount();
    }
  });

  it("that cannot be written says so", async () => {
    expect(await lockFolder(join(root, "missing"))).toMatchObject({ ok: false });
  });
});

/** Node 20 runs no TypeScript, and one process cannot race with itself for a lock. */
async function buildLocker(outDir: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: "silent",
    build: { ssr: fileURLToPath(new URL("../support/locker.ts", import.meta.url)), outDir },
  });
  const [name] = readdirSync(outDir);
  return join(outDir, name ?? "");
}

/** What the process said: `ok` while it still holds the lock, or the code of the refusal. */
async function runLocker(program: string, folder: string): Promise<string> {
  const child = spawn(process.execPath, [program, folder]);
  let said = "";
  child.stdout.on("data", (data: Buffer) => {
    said += data.toString();
  });
  await new Promise((resolve) => child.once("close", resolve));
  return said;
}

describe("the log file", () => {
  it("holds one JSON object per line and is bounded", () => {
    const path = join(root, "agent.log");
    const logger = openLogger({ path, bytesMax: 1000, wallMs: () => 1234 });
    for (let i = 0; i < 50; i++) logger.info("lag", { entries: i });
    logger.warn("last");
    logger.close();
    logger.info("after the end");
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(JSON.parse(lines.at(-1) ?? "")).toEqual({ level: 40, time: 1234, event: "last" });
    expect(JSON.parse(lines.at(-2) ?? "")).toMatchObject({ event: "lag", entries: 49 });
    expect(statSync(path).size).toBeLessThanOrEqual(1000);
    expect(readdirSync(root).sort()).toEqual(["agent.log", "agent.log.1"]);
  });

  it("that cannot be opened does not stop anybody", () => {
    const path = join(root, "missing", "agent.log");
    const logger = openLogger({ path, bytesMax: 1000, wallMs: () => 0 });
    expect(logger.close).not.toThrow();
  });
});

it("random bytes and numbers are not the same twice", () => {
  const random = new NodeRandom();
  expect(random.bytes(16)).not.toEqual(random.bytes(16));
  expect(random.bytes(16).length).toBe(16);
  const numbers = new Set(Array.from({ length: 20 }, () => random.rng.uint32()));
  expect(numbers.size).toBeGreaterThan(15);
});
