/**
 * Goal: a data folder whose content is replaced is the old one or the new one or none, whenever the
 * power fails, and nothing of the old one is lost. Method: the work is stopped at every step, with several
 * ways for names that were not synced to survive. Files stand for the folders: only names are moved.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ok } from "../../shared/base/result.ts";
import { replaceContent, takePlace } from "../../electron/agent/replace-folder.ts";
import { FakeDisk } from "../support/fake-disk.ts";

const OLD = ["cluster.copy.json", "cluster.json", "identity", "log", "snapshots"];
const FRESH = ["addresses.json", "cluster.copy.json", "cluster.json", "identity"];

function folderToReplace(seed: number): FakeDisk {
  const disk = new FakeDisk({ seed });
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (const name of OLD) disk.putFile(name, bytes(`old ${name}`));
  for (const name of FRESH) disk.putFile(`joining.new/${name}`, bytes(`fresh ${name}`));
  disk.putFile("replaced-1/log", bytes("older still"));
  disk.putFile("lock", bytes("held"));
  return disk;
}

/** What the data folder holds, as `old log` words, but for the lock. */
function contentOf(disk: FakeDisk): string[] {
  const found = [...disk.contents()].filter(([path]) => !path.includes("/") && path !== "lock");
  return found.map(([, bytes]) => new TextDecoder().decode(bytes)).sort();
}

function expectNothingLost(disk: FakeDisk): void {
  const texts = [...disk.contents().values()].map((bytes) => new TextDecoder().decode(bytes));
  for (const name of OLD) expect(texts).toContain(`old ${name}`);
  for (const name of FRESH) expect(texts).toContain(`fresh ${name}`);
  expect(texts).toContain("older still");
}

const WHOLE_OLD = OLD.map((name) => `old ${name}`);
const WHOLE_FRESH = FRESH.map((name) => `fresh ${name}`);

it("a replaced data folder is the new one for good once that was said", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const disk = folderToReplace(seed);
    expect((await takePlace(disk)).ok).toBe(true);
    disk.crash();
    expect(contentOf(disk)).toEqual(WHOLE_FRESH);
    expectNothingLost(disk);
    expect(disk.contents().has("replaced-2/cluster.json")).toBe(true);
  }
});

it("a record never stands beside another member's key or log, wherever the power fails", async () => {
  const recordLess = new Set<string>();
  for (let stopAfter = 0, isDone = false; !isDone; stopAfter++) {
    for (let seed = 1; seed <= 10; seed++) {
      const disk = folderToReplace(seed);
      disk.haltAfter(stopAfter);
      isDone = (await takePlace(disk)).ok;
      disk.crash(seed % 3 === 0 ? "process-killed" : "power-lost");
      const content = contentOf(disk);
      const hasRecord = content.some((text) => text.endsWith(" cluster.json"));
      if (hasRecord) expect([WHOLE_OLD, WHOLE_FRESH]).toContainEqual(content);
      else recordLess.add(content.join());
      expectNothingLost(disk);
    }
  }
  expect(recordLess.size).toBeGreaterThan(5);
});

it("a data folder whose replacement was interrupted can be replaced again", async () => {
  for (let stopAfter = 0; stopAfter < 16; stopAfter++) {
    const disk = folderToReplace(stopAfter + 1);
    disk.haltAfter(stopAfter);
    await takePlace(disk);
    disk.crash();
    for (const name of FRESH) {
      disk.dropFile(`joining.new/${name}`);
      disk.putFile(`joining.new/${name}`, new TextEncoder().encode(`fresh ${name}`));
    }
    expect((await takePlace(disk)).ok).toBe(true);
    disk.crash();
    expect(contentOf(disk)).toEqual(WHOLE_FRESH);
    expectNothingLost(disk);
  }
});

it("on a real disk, folders go with all that is in them", async () => {
  const root = mkdtempSync(join(tmpdir(), "tidemark-replace-"));
  const fill = (folder: string, text: string): void => {
    mkdirSync(join(folder, "identity"), { recursive: true });
    writeFileSync(join(folder, "identity/key.pem"), text);
    writeFileSync(join(folder, "cluster.json"), text);
  };
  fill(root, "old");
  const replaced = await replaceContent(root, (fresh) => {
    fill(fresh, "fresh");
    return Promise.resolve(ok("joined"));
  });
  expect(replaced).toEqual(ok("joined"));
  expect(readdirSync(root).sort()).toEqual(["cluster.json", "identity", "replaced-1"]);
  for (const [folder, text] of [
    ["", "fresh"],
    ["replaced-1", "old"],
  ] as const) {
    expect(readFileSync(join(root, folder, "identity/key.pem"), "utf8")).toBe(text);
    expect(readFileSync(join(root, folder, "cluster.json"), "utf8")).toBe(text);
  }
  rmSync(root, { recursive: true });
});
