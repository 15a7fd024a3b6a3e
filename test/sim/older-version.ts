import { crc32 } from "node:zlib";
import { HARD_STATE_NAMES } from "../../electron/agent/log/hard-state-files.ts";
import { HARD_STATE_BYTES } from "../../electron/agent/log/hard-state-format.ts";
import type { VersionRange } from "../../shared/protocol/version.ts";
import type { FakeDisk } from "../support/fake-disk.ts";

/** What the first version spoke. */
export const FIRST_VERSIONS: VersionRange = { min: 1, max: 1 };

/** Where version 1 of the hard state ended and version 2 goes on. */
const VERSION_AT = 8;
const NEWER_FROM = 100;
const CRC_AT = HARD_STATE_BYTES - 4;

/** Term and vote become what the first version would have written; its process must not run. */
export function writeAsFirstVersion(disk: FakeDisk): void {
  for (const name of HARD_STATE_NAMES) {
    const path = `log/${name}`;
    const bytes = disk.contents().get(path);
    if (bytes?.length !== HARD_STATE_BYTES) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    view.setUint32(VERSION_AT, 1, true);
    bytes.fill(0, NEWER_FROM, CRC_AT);
    view.setUint32(CRC_AT, crc32(bytes.subarray(0, CRC_AT)), true);
    disk.putFile(path, bytes);
  }
}
