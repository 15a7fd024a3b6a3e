import { assert } from "../../../shared/base/assert.ts";
import type { DiskFile } from "../ports.ts";
import type { SnapshotInfo } from "./snapshot-info.ts";

/** A snapshot being sent: kept on the disk until `close`. */
export class SnapshotReader {
  readonly info: SnapshotInfo;
  readonly #file: DiskFile;
  readonly #release: () => Promise<void>;
  #isClosed = false;

  /** @param release Called once, after the file was closed. */
  constructor(info: SnapshotInfo, file: DiskFile, release: () => Promise<void>) {
    this.info = info;
    this.#file = file;
    this.#release = release;
  }

  /**
   * A part of the body; shorter at its end, empty behind it. Not verified: the receiver hashes
   * the whole.
   */
  readChunk(offset: number, length: number): Uint8Array {
    assert(!this.#isClosed, "a closed snapshot is not read");
    const { bodyAt, bodyBytes } = this.info;
    const wanted = Math.max(0, Math.min(length, bodyBytes - offset));
    return this.#file.readNow(bodyAt + offset, wanted);
  }

  /** Twice is harmless. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
    await this.#release();
  }
}
