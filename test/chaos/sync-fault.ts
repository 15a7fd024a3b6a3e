import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tryRun } from "./shell.ts";

const SOURCE = fileURLToPath(new URL("../../test/chaos/tools/failing-sync.c", import.meta.url));

/** What happens to every sync of a member: it fails, or it does not end. */
export type SyncFault = "error" | "stall";

/** Compiles the library that makes syncs fail. @returns its path; null without a compiler. */
export async function compileSyncFaults(folder: string): Promise<string | null> {
  const library = join(folder, "failing-sync.so");
  const args = ["-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"];
  return (await tryRun("cc", args)).isDone ? library : null;
}

/** The switch of one member's syncs. */
export class SyncSwitch {
  readonly #file: string;
  readonly #library: string | null;

  /** @param folder Not on the member's own disk: that may be full. */
  constructor(library: string | null, folder: string, name: string) {
    this.#library = library;
    this.#file = join(folder, `${name}.sync`);
  }

  get isAvailable(): boolean {
    return this.#library !== null;
  }

  /** What a process needs in its environment to be under this switch. */
  get environment(): Readonly<Record<string, string>> {
    return this.#library === null ? {} : { LD_PRELOAD: this.#library, CHAOS_SYNC_FILE: this.#file };
  }

  /** From now on, until `set(null)`. */
  async set(fault: SyncFault | null): Promise<void> {
    if (fault === null) await rm(this.#file, { force: true });
    else await writeFile(this.#file, fault);
  }
}
