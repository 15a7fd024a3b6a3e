/**
 * What every Disk must do, the computer's and the simulator's: the log trusts exactly this. How a
 * crash treats unsynced bytes is not part of it; that is the fake disk's own suite.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Disk, DiskError, DiskFile } from "../../electron/agent/ports.ts";
import { bytesEqual } from "../../shared/base/bytes.ts";
import type { Result } from "../../shared/base/result.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (content: Uint8Array | null): string | null =>
  content === null ? null : new TextDecoder().decode(content);

/** A disk under test; `dispose` removes what it used. */
export type DiskUnderTest = { readonly disk: Disk; dispose(): Promise<void> };

/** What every implementation of the Disk port promises. */
export function describeDisk(name: string, make: () => Promise<DiskUnderTest>): void {
  describe(`${name} keeps the contract of the Disk port`, () => {
    let subject: DiskUnderTest;
    let disk: Disk;
    beforeEach(async () => {
      subject = await make();
      disk = subject.disk;
      value(await disk.makeFolder("log"));
    });
    afterEach(() => subject.dispose());

    const put = async (path: string, content: string): Promise<void> => {
      const file = value(await disk.open(path));
      value(await file.append([bytes(content)]));
      value(await file.sync());
      await file.close();
    };

    it("appends all parts at the end and reads them back at once", async () => {
      const file = value(await disk.open("log/a"));
      expect(file.sizeBytes).toBe(0);
      value(await file.append([bytes("one "), bytes(""), bytes("two ")]));
      value(await file.append([bytes("three")]));
      expect(file.sizeBytes).toBe(13);
      expect(text(file.readNow(4, 3))).toBe("two");
      expect(text(value(await disk.read("log/a")))).toBe("one two three");
      const around = value(await disk.readAround("log/a"));
      expect([text(around?.bytes ?? null), around?.unreadableFrom]).toEqual([
        "one two three",
        null,
      ]);
      await file.close();
    });

    it("stores later changes of an appended buffer nowhere", async () => {
      const file = value(await disk.open("log/a"));
      const buffer = bytes("before");
      value(await file.append([buffer]));
      buffer.fill(0);
      expect(text(file.readNow(0, 6))).toBe("before");
      await file.close();
    });

    it("gives a shorter part at the end of a file and nothing behind it", async () => {
      const file = value(await disk.open("log/a"));
      value(await file.append([bytes("12345")]));
      expect(text(file.readNow(3, 10))).toBe("45");
      expect(file.readNow(5, 1).length).toBe(0);
      expect(file.readNow(50, 1).length).toBe(0);
      await file.close();
    });

    it("opens an existing file with its content and goes on at its end", async () => {
      await put("log/a", "first");
      const file = value(await disk.open("log/a"));
      expect(file.sizeBytes).toBe(5);
      value(await file.append([bytes("+")]));
      expect(text(file.readNow(0, 6))).toBe("first+");
      await file.close();
    });

    it("cuts a file, and appends at the new end", async () => {
      const file = value(await disk.open("log/a"));
      value(await file.append([bytes("0123456789")]));
      value(await file.truncate(4));
      expect(file.sizeBytes).toBe(4);
      value(await file.append([bytes("ab")]));
      value(await file.sync());
      expect(text(value(await disk.read("log/a")))).toBe("0123ab");
      await file.close();
    });

    it("writes over bytes in place, and goes on at the same end", async () => {
      const file = value(await disk.open("log/a"));
      value(await file.append([bytes("0123456789")]));
      value(await file.overwrite(3, bytes("abc")));
      value(await file.append([bytes("+")]));
      value(await file.sync());
      expect(file.sizeBytes).toBe(11);
      expect(text(value(await disk.read("log/a")))).toBe("012abc6789+");
      await expect(async () => file.overwrite(9, bytes("long"))).rejects.toThrow(/size/);
      await file.close();
    });

    it("reads a part while other work goes on as it reads one at once", async () => {
      const file = value(await disk.open("log/a"));
      value(await file.append([bytes("0123456789")]));
      for (const [offset, length] of [
        [0, 4],
        [8, 10],
        [10, 1],
        [50, 1],
      ] as const) {
        expect(value(await file.read(offset, length))).toEqual(file.readNow(offset, length));
      }
      await file.close();
    });

    it("takes a megabyte in one append", async () => {
      const file = value(await disk.open("log/a"));
      const large = new Uint8Array(1_200_000).map((_, i) => i % 251);
      value(await file.append([bytes("x"), large]));
      value(await file.sync());
      expect(bytesEqual(file.readNow(1, large.length), large)).toBe(true);
      await file.close();
    });

    it("tells a missing file and a missing folder from empty ones", async () => {
      expect(value(await disk.read("log/none"))).toBeNull();
      expect(value(await disk.readAround("log/none"))).toBeNull();
      expect(value(await disk.list("nowhere"))).toEqual([]);
      await put("log/empty", "");
      expect(value(await disk.read("log/empty"))).toEqual(new Uint8Array(0));
    });

    it("lists the names of a folder in order", async () => {
      for (const name of ["b", "a", "10", "9"]) await put(`log/${name}`, name);
      expect(value(await disk.list("log"))).toEqual(["10", "9", "a", "b"]);
    });

    it("replaces the target of a rename", async () => {
      await put("log/old", "old");
      await put("log/new", "new");
      value(await disk.rename("log/new", "log/old"));
      value(await disk.syncFolder("log"));
      expect(value(await disk.list("log"))).toEqual(["old"]);
      expect(text(value(await disk.read("log/old")))).toBe("new");
    });

    it("refuses to rename what is not there", async () => {
      const renamed = await disk.rename("log/none", "log/other");
      expect(renamed.ok).toBe(false);
    });

    it("removes a file, and removing it again changes nothing", async () => {
      await put("log/a", "a");
      value(await disk.remove("log/a"));
      value(await disk.remove("log/a"));
      value(await disk.syncFolder("log"));
      expect(value(await disk.read("log/a"))).toBeNull();
    });

    it("does two files at the same time", async () => {
      const files = await Promise.all(["a", "b"].map((name) => disk.open(`log/${name}`)));
      const opened = files.map((file) => value(file));
      await Promise.all(opened.map((file, i) => writeTenTimes(file, String(i))));
      expect(text(value(await disk.read("log/a")))).toBe("0".repeat(10));
      expect(text(value(await disk.read("log/b")))).toBe("1".repeat(10));
      for (const file of opened) await file.close();
    });
  });
}

async function writeTenTimes(file: DiskFile, content: string): Promise<void> {
  for (let i = 0; i < 10; i++) {
    value(await file.append([bytes(content)]));
    value(await file.sync());
  }
}

function value<T>(result: Result<T, DiskError>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.detail}`);
  return result.value;
}
