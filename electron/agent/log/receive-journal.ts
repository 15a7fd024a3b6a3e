/**
 * What is known to be right of a snapshot that is being received: a checksum for every chunk, in
 * a file beside it. A crash may tear what was received since the last sync; this file may be
 * torn as well. Walking both together finds the longest
 * front part that is whole, so an interrupted receipt goes on from there, in whatever process.
 *
 * It knows nothing of senders. The bytes are in DESIGN.md beside this file.
 */
import { crc32 } from "node:zlib";
import { assert } from "../../../shared/base/assert.ts";
import { bytesEqual } from "../../../shared/base/bytes.ts";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError, DiskFile } from "../ports.ts";
import { SHA256_BYTES } from "./snapshot-format.ts";

/** The hash of the whole, and a CRC. */
const HEADER_BYTES = SHA256_BYTES + 4;

/** Length of the chunk, its CRC, and a CRC of both and of the chunk's offset. */
const RECORD_BYTES = 12;

/** Records read at a time. */
const RECORDS_PER_READ = 4096;

/** One chunk as the journal has it. */
export type JournalRecord = {
  readonly offset: number;
  readonly length: number;
  readonly crc32: number;
};

/** See the top of the file. Calls come one after the other. */
export class ReceiveJournal {
  readonly #file: DiskFile;
  #endOffset = 0;

  private constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Opens it; `isSame` tells whether it is of the image with this hash. */
  static async open(
    disk: Disk,
    path: string,
    sha256: Uint8Array,
  ): Promise<Result<{ readonly journal: ReceiveJournal; readonly isSame: boolean }, DiskError>> {
    const opened = await disk.open(path);
    if (!opened.ok) return opened;
    const journal = new ReceiveJournal(opened.value);
    const head = await opened.value.read(0, HEADER_BYTES);
    if (head.ok) return ok({ journal, isSame: bytesEqual(head.value, headerOf(sha256)) });
    await journal.close();
    return head;
  }

  /** Forgets everything and begins anew. */
  async restart(sha256: Uint8Array): Promise<Result<null, DiskError>> {
    this.#endOffset = 0;
    const cut = await this.#file.truncate(0);
    return cut.ok ? this.#file.append([headerOf(sha256)]) : cut;
  }

  /** Notes a chunk that was written right behind the one before. */
  async note(length: number, crc: number): Promise<Result<null, DiskError>> {
    const noted = await this.#file.append([recordOf(this.#endOffset, length, crc)]);
    if (noted.ok) this.#endOffset += length;
    return noted;
  }

  /**
   * Hands every intact record to `isWhole` until one is not, or the first that is refused; what
   * is behind is cut off.
   */
  async replay(
    isWhole: (record: JournalRecord) => Promise<Result<boolean, DiskError>>,
  ): Promise<Result<null, DiskError>> {
    let at = HEADER_BYTES;
    for (;;) {
      const bytes = await this.#file.read(at, RECORDS_PER_READ * RECORD_BYTES);
      if (!bytes.ok) return bytes;
      for (let i = 0; ; i += RECORD_BYTES) {
        const record = recordIn(bytes.value, i, this.#endOffset);
        // The end of what was read: the next portion begins with this record.
        if (record === "cut" && i > 0) break;
        if (record === "cut" || record === "wrong") return this.#file.truncate(at);
        const whole = await isWhole(record);
        if (!whole.ok) return whole;
        if (!whole.value) return this.#file.truncate(at);
        this.#endOffset += record.length;
        at += RECORD_BYTES;
      }
    }
  }

  /** What was noted so far is on the disk when this resolves ok. */
  sync(): Promise<Result<null, DiskError>> {
    return this.#file.sync();
  }

  /** Twice is harmless. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

function headerOf(sha256: Uint8Array): Uint8Array {
  assert(sha256.length === SHA256_BYTES, "a SHA-256 has 32 bytes");
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(sha256);
  new DataView(bytes.buffer).setUint32(SHA256_BYTES, crc32(sha256), true);
  return bytes;
}

function recordOf(offset: number, length: number, crc: number): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint32(4, crc, true);
  view.setUint32(8, sealOf(bytes.subarray(0, 8), offset), true);
  return bytes;
}

function recordIn(bytes: Uint8Array, at: number, offset: number): JournalRecord | "cut" | "wrong" {
  if (at + RECORD_BYTES > bytes.length) return "cut";
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_BYTES);
  const seal = sealOf(bytes.subarray(at, at + 8), offset);
  if (view.getUint32(8, true) !== seal) return "wrong";
  return { offset, length: view.getUint32(0, true), crc32: view.getUint32(4, true) };
}

/** The offset is part of it, so that a record at another place is not taken for this one. */
function sealOf(front: Uint8Array, offset: number): number {
  return crc32(String(offset), crc32(front));
}
