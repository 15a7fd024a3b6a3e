import {
  clusterRecordToJson,
  parseClusterRecord,
} from "../../electron/agent/members/cluster-record.ts";
import type { ClusterRecord } from "../../electron/agent/members/cluster-record.ts";
import { writeSettings } from "../../electron/agent/log/settings-file.ts";
import type { Disk, DiskError } from "../../electron/agent/ports.ts";
import { utf8Decode } from "../../shared/base/bytes.ts";
import type { Result } from "../../shared/base/result.ts";
import type { FakeDisk } from "../support/fake-disk.ts";
import { uphold } from "./violation.ts";

const RECORD_FILE = "cluster.json";

/**
 * One process' way to its `cluster.json`: what the agent's folder does for the agent. Changes are
 * written one after the other; a crash leaves the old record or the new one.
 */
export class RecordFile {
  readonly #disk: Disk;
  #record: ClusterRecord;
  #last: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk, record: ClusterRecord) {
    this.#disk = disk;
    this.#record = record;
  }

  /** Replaces some of it, durably when it answers ok. */
  save(changes: Partial<ClusterRecord>): Promise<Result<null, DiskError>> {
    const next = { ...this.#record, ...changes };
    this.#record = next;
    const written = this.#last.then(() =>
      writeSettings(this.#disk, RECORD_FILE, clusterRecordToJson(next)),
    );
    this.#last = written;
    return written;
  }
}

/** What a disk has; null when nothing was ever written, or all of it was wiped. */
export function storedRecord(disk: FakeDisk): ClusterRecord | null {
  const bytes = disk.contents().get(RECORD_FILE);
  if (bytes === undefined) return null;
  const record = parseClusterRecord(jsonOf(utf8Decode(bytes) ?? ""));
  uphold(record.ok, "settings-are-never-half-written", () => JSON.stringify(record));
  return record.value;
}

/** null for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The record as an older program would have left it: written anew at the next change. */
export function dropRecord(disk: FakeDisk): void {
  disk.dropFile(RECORD_FILE);
}
