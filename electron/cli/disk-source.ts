import { open, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { ok, type Result } from "../../shared/base/result.ts";
import type { FileSource } from "../../shared/interchange/file-source.ts";
import { fail, type CliFailure } from "./failure.ts";

/** A file on this computer's disk; whoever opened it closes it. */
export type DiskSource = FileSource & { readonly close: () => Promise<void> };

/** Opens a file for reading, or says why it cannot be. */
export async function openSource(path: string): Promise<Result<DiskSource, CliFailure>> {
  try {
    const handle = await open(path, "r");
    const found = await handle.stat();
    if (found.isFile()) return ok(sourceOf(handle, path, found.size));
    await handle.close();
    return fail(`${path} is not a file.`);
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (isMissing) return fail(`there is no file ${path}.`, 4);
    const reason = cause instanceof Error ? cause.message : String(cause);
    return fail(`${path} cannot be read: ${reason}`);
  }
}

function sourceOf(handle: FileHandle, path: string, sizeBytes: number): DiskSource {
  return {
    name: basename(path),
    sizeBytes,
    read: async (from, to) => {
      const bytes = Buffer.allocUnsafe(Math.max(0, to - from));
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await handle.read(
          bytes,
          length,
          bytes.length - length,
          from + length,
        );
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return bytes.subarray(0, length);
    },
    close: () => handle.close(),
  };
}
