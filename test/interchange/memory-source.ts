import type { FileSource } from "../../shared/interchange/file-source.ts";
import type { Watcher } from "../../shared/interchange/survey.ts";

/** Bytes as a file; what is read comes in pieces of a size. */
export function memorySource(
  bytes: Uint8Array,
  pieceBytes = Infinity,
  name = "file.csv",
): FileSource {
  return {
    name,
    sizeBytes: bytes.length,
    read: (from, to) => Promise.resolve(bytes.subarray(from, Math.min(to, from + pieceBytes))),
  };
}

/** Nobody waits. */
export const NOBODY: Watcher = { progress: () => undefined, isStopped: () => false };
