/**
 * What a bad disk does to the files of a member that does not run: one bit, one sector, a lost end, a lost
 * file. Always one file, of the log, the hard state or a snapshot.
 */
import { open, readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { randomBetween, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";

/** Folders whose files are the member's memory. */
export const MEMORY_FOLDERS = ["log", "snapshots"];
const SECTOR_BYTES = 512;
const KINDS = ["bit", "bit", "bit", "sector", "noise", "cut", "gone"] as const;

/** Damages one file. @returns what was done: `log/000001-....seg (4711 bytes): bit 3 of byte 815`. */
export async function damage(dataFolder: string, rng: Rng): Promise<string> {
  const files: { readonly name: string; readonly bytes: number }[] = [];
  for (const folder of MEMORY_FOLDERS) {
    for (const name of (await readdir(join(dataFolder, folder))).sort()) {
      const { size } = await stat(join(dataFolder, folder, name));
      if (size > 0) files.push({ name: join(folder, name), bytes: size });
    }
  }
  const { name, bytes } = randomPick(rng, files);
  const path = join(dataFolder, name);
  const at = randomBetween(rng, 0, bytes - 1);
  return `${name} (${bytes} bytes): ${await harm(path, at, rng)}`;
}

async function harm(path: string, at: number, rng: Rng): Promise<string> {
  switch (randomPick(rng, KINDS)) {
    case "bit": {
      const bit = randomBetween(rng, 0, 7);
      await change(path, at, 1, (piece) => piece.writeUInt8(piece.readUInt8(0) ^ (1 << bit)));
      return `bit ${bit} of byte ${at}`;
    }
    case "sector": {
      const start = at - (at % SECTOR_BYTES);
      await change(path, start, SECTOR_BYTES, (piece) => piece.fill(0));
      return `zeros in the sector at ${start}`;
    }
    case "noise": {
      const start = at - (at % SECTOR_BYTES);
      await change(path, start, SECTOR_BYTES, (piece) => {
        for (let i = 0; i < piece.length; i++) piece[i] = rng.uint32() & 0xff;
      });
      return `noise in the sector at ${start}`;
    }
    case "cut":
      await truncate(path, at);
      return `cut at ${at}`;
    case "gone":
      await rm(path);
      return "gone";
  }
}

async function change(
  path: string,
  at: number,
  bytesMax: number,
  alter: (piece: Buffer) => void,
): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, at);
    const piece = buffer.subarray(0, bytesRead);
    alter(piece);
    await file.write(piece, 0, piece.length, at);
    await file.sync();
  } finally {
    await file.close();
  }
}
