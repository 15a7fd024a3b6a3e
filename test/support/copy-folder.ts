import { cp } from "node:fs/promises";

/** Copies a data folder as a backup does: without the socket that a killed member leaves in it. */
export function copyFolder(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true, filter: (path) => !path.endsWith("lock.socket") });
}
