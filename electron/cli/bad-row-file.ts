import { open, type FileHandle } from "node:fs/promises";
import { ok, type Result } from "../../shared/base/result.ts";
import { badRowLine, badRowsHead } from "../../shared/interchange/bad-rows.ts";
import type { BadRow } from "../../shared/interchange/problem.ts";
import { fail, type CliFailure } from "./failure.ts";

/** The rows that an import leaves out, on their way into a file; there is none without a bad row. */
export class BadRowFile {
  readonly #handle: FileHandle | null;
  readonly #width: number;
  #lines = "";
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(handle: FileHandle | null, columns: readonly string[]) {
    this.#handle = handle;
    this.#width = columns.length;
    this.#lines = badRowsHead(columns);
  }

  /** @param path null keeps none. A file that is there already is not overwritten. */
  static async create(
    path: string | null,
    columns: readonly string[],
  ): Promise<Result<BadRowFile, CliFailure>> {
    if (path === null) return ok(new BadRowFile(null, columns));
    try {
      return ok(new BadRowFile(await open(path, "wx", 0o600), columns));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return fail(`the bad rows cannot be saved: ${reason}. Nothing was imported.`);
    }
  }

  add(bad: BadRow): void {
    if (this.#handle === null) return;
    this.#lines += badRowLine(bad, this.#width);
    if (this.#lines.length > 64 * 1024) this.#flush();
  }

  async close(): Promise<void> {
    if (this.#handle === null) return;
    this.#flush();
    await this.#writing;
    await this.#handle.close();
  }

  #flush(): void {
    const [handle, lines] = [this.#handle, this.#lines];
    this.#lines = "";
    this.#writing = this.#writing.then(() => handle?.appendFile(lines));
  }
}
