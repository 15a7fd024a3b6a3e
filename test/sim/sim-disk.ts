/**
 * Time and crashes between the steps of a disk. What a crash leaves on it is the business of
 * `test/support/fake-disk.ts`; which steps are worth a crash, that of `failpoints.ts`.
 */
import type { Disk, DiskError, DiskFile, SpoiltFile } from "../../electron/agent/ports.ts";
import { err } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import type { DiskStep } from "./failpoints.ts";
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
  readonly onStep: (step: DiskStep, carryOut: () => void) => void;
  /** Why nothing can be changed now; null when it can. */
  readonly refusal: () => DiskError | null;
};

/** How soon a hanging sync notices that the disk works again. */
const SLICE_MS = 200;

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
    const step = { operation: "open", path } as const;
    const opened = await this.#step(step, () => this.#options.disk.open(path));
    return opened.ok ? { ok: true, value: this.#file(opened.value, path) } : opened;
  }

  read(path: string): Answer<Uint8Array | null> {
    return this.#alive(this.#options.disk.read(path));
  }

  readAround(path: string): Answer<SpoiltFile | null> {
    return this.#alive(this.#options.disk.readAround(path));
  }

  list(folder: string): Answer<readonly string[]> {
    return this.#alive(this.#options.disk.list(folder));
  }

  makeFolder(folder: string): Answer<null> {
    return this.#step({ operation: "make-folder", path: folder }, () =>
      this.#options.disk.makeFolder(folder),
    );
  }

  rename(from: string, to: string): Answer<null> {
    return this.#step({ operation: "rename", path: to, from }, () =>
      this.#options.disk.rename(from, to),
    );
  }

  remove(path: string): Answer<null> {
    return this.#step({ operation: "remove", path }, () => this.#options.disk.remove(path));
  }

  async syncFolder(folder: string): Answer<null> {
    await this.#spin();
    return this.#step({ operation: "sync-folder", path: folder }, () =>
      this.#options.disk.syncFolder(folder),
    );
  }

  #file(file: DiskFile, path: string): DiskFile {
    const { process } = this.#options;
    return {
      get sizeBytes() {
        return file.sizeBytes;
      },
      append: (parts) => this.#step({ operation: "append", path }, () => file.append(parts)),
      overwrite: (offset, bytes) =>
        this.#step({ operation: "overwrite", path }, () => file.overwrite(offset, bytes)),
      read: (offset, length) => this.#alive(file.read(offset, length)),
      truncate: (sizeBytes) =>
        this.#step({ operation: "truncate", path }, () => file.truncate(sizeBytes)),
      sync: async () => {
        await this.#spin();
        return this.#step({ operation: "sync", path }, () => file.sync());
      },
      readNow: (offset, length) => file.readNow(offset, length),
      close: () => (process.isAlive ? file.close() : Promise.resolve()),
    };
  }

  /** As long as a sync takes; one that hangs goes on soon after the disk does not hang any more. */
  async #spin(): Promise<void> {
    const { process, syncMs } = this.#options;
    for (let leftMs = syncMs(); leftMs > 0; leftMs = Math.min(leftMs, syncMs())) {
      const sliceMs = Math.min(leftMs, SLICE_MS);
      await process.wait(sliceMs);
      leftMs -= sliceMs;
    }
  }

  #step<T>(step: DiskStep, carryOut: () => Answer<T>): Answer<T> {
    let answer: Answer<T> | null = null;
    if (this.#options.process.isAlive) {
      this.#options.onStep(step, () => {
        const refusal = this.#options.refusal();
        answer ??= refusal === null ? carryOut() : Promise.resolve(err(refusal));
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
