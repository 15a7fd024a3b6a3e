import type { Disk, DiskError, DiskFile } from "../../electron/agent/ports.ts";
import type { Result } from "../../shared/base/result.ts";
import type { SimProcess } from "./sim-process.ts";

type Answer<T> = Promise<Result<T, DiskError>>;

type SimDiskOptions = {
  readonly process: SimProcess;
  /** The disk itself, which outlives the process. */
  readonly disk: Disk;
  /** How long a sync takes now, in ms. */
  readonly syncMs: () => number;
  /**
   * Called before each step that changes the disk.
   *
   * @param carryOut Does the step; the process may be killed before it, or right after.
   */
  readonly onStep: (carryOut: () => void) => void;
};

/**
 * One process' way to its computer's disk: syncs take virtual time, a crash may come between any
 * two steps, and a dead process changes nothing more.
 */
export class SimDisk implements Disk {
  readonly #options: SimDiskOptions;

  constructor(options: SimDiskOptions) {
    this.#options = options;
  }

  async open(path: string): Answer<DiskFile> {
    const opened = await this.#step(() => this.#options.disk.open(path));
    return opened.ok ? { ok: true, value: this.#file(opened.value) } : opened;
  }

  read(path: string): Answer<Uint8Array | null> {
    return this.#alive(this.#options.disk.read(path));
  }

  list(folder: string): Answer<readonly string[]> {
    return this.#alive(this.#options.disk.list(folder));
  }

  makeFolder(folder: string): Answer<null> {
    return this.#step(() => this.#options.disk.makeFolder(folder));
  }

  rename(from: string, to: string): Answer<null> {
    return this.#step(() => this.#options.disk.rename(from, to));
  }

  remove(path: string): Answer<null> {
    return this.#step(() => this.#options.disk.remove(path));
  }

  async syncFolder(folder: string): Answer<null> {
    await this.#options.process.wait(this.#options.syncMs());
    return this.#step(() => this.#options.disk.syncFolder(folder));
  }

  #file(file: DiskFile): DiskFile {
    const { process, syncMs } = this.#options;
    return {
      get sizeBytes() {
        return file.sizeBytes;
      },
      append: (parts) => this.#step(() => file.append(parts)),
      truncate: (sizeBytes) => this.#step(() => file.truncate(sizeBytes)),
      sync: async () => {
        await process.wait(syncMs());
        return this.#step(() => file.sync());
      },
      readNow: (offset, length) => file.readNow(offset, length),
      close: () => (process.isAlive ? file.close() : Promise.resolve()),
    };
  }

  #step<T>(carryOut: () => Answer<T>): Answer<T> {
    let answer: Answer<T> | null = null;
    if (this.#options.process.isAlive) {
      this.#options.onStep(() => {
        answer ??= carryOut();
      });
    }
    return this.#alive(answer ?? never());
  }

  /** What a dead process asked for is never answered. */
  async #alive<T>(answer: Promise<T>): Promise<T> {
    const value = await answer;
    return this.#options.process.isAlive ? value : never();
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
