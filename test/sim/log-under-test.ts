import type { LogIndex } from "../../shared/base/ids.ts";
import { decodeConfiguration } from "../../shared/raft/configuration.ts";
import type { LogEntry } from "../../shared/raft/types.ts";
import type { LogUnderTest } from "./raft-checker.ts";

type RealLog = Omit<LogUnderTest, "configurationAt"> & {
  entriesFrom(from: LogIndex, bytesMax: number): readonly LogEntry[];
};

const KNOWN = new WeakMap<RealLog, LogUnderTest>();

/** A member's real log as the checker reads it; a view that stays true. */
export function logUnderTest(log: RealLog): LogUnderTest {
  const known = KNOWN.get(log) ?? viewOf(log);
  KNOWN.set(log, known);
  return known;
}

function viewOf(log: RealLog): LogUnderTest {
  return {
    get firstIndex() {
      return log.firstIndex;
    },
    get lastIndex() {
      return log.lastIndex;
    },
    termAt: (index) => log.termAt(index),
    chainHashAt: (index) => log.chainHashAt(index),
    configurationAt: (index) => {
      if (index < log.firstIndex || index > log.lastIndex) return null;
      const entry = log.entriesFrom(index, 0)[0];
      if (entry?.kind !== "configuration") return null;
      const decoded = decodeConfiguration(entry.payload);
      return decoded.ok ? decoded.value : null;
    },
  };
}
