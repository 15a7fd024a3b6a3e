import { utf8Decode, utf8Encode } from "../../../shared/base/bytes.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";
import { parentOf } from "./folders.ts";
import { writeWhole } from "./write-whole.ts";

/** `settings-damaged`: there is a file, but it is no JSON. */
export type SettingsError =
  { readonly code: "settings-damaged"; readonly detail: string } | DiskError;

/** The JSON in a small file, not checked further; null when there is no file. */
export async function readSettings(
  disk: Disk,
  path: string,
): Promise<Result<unknown, SettingsError>> {
  const read = await disk.readAround(path);
  if (!read.ok) return read;
  if (read.value === null) return ok(null);
  const { bytes, unreadableFrom } = read.value;
  if (unreadableFrom !== null) {
    return err({ code: "settings-damaged", detail: `the disk cannot read ${path}` });
  }
  const text = utf8Decode(bytes);
  if (text === null) return err({ code: "settings-damaged", detail: `${path} is not UTF-8` });
  try {
    const settings: unknown = JSON.parse(text);
    return ok(settings);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return err({ code: "settings-damaged", detail: `${path}: ${error.message}` });
  }
}

/**
 * Replaces the file: after a crash it holds the old or the new JSON, never a part. One write to
 * a path at a time.
 */
export async function writeSettings(
  disk: Disk,
  path: string,
  settings: unknown,
): Promise<Result<null, DiskError>> {
  const aside = `${path}.new`;
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  const written = await writeWhole(disk, aside, utf8Encode(text));
  if (!written.ok) return written;
  const renamed = await disk.rename(aside, path);
  if (!renamed.ok) return renamed;
  return disk.syncFolder(parentOf(path));
}
