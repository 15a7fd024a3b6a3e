import type { FileSource } from "../../shared/interchange/file-source.ts";

/** A chosen file, read piece by piece: it is never in memory as a whole. */
export function browserSource(file: File): FileSource {
  return {
    name: file.name,
    sizeBytes: file.size,
    read: async (from, to) => new Uint8Array(await file.slice(from, to).arrayBuffer()),
  };
}
