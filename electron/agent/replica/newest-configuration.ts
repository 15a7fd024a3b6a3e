import { logIndex } from "../../../shared/base/ids.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { decodeConfiguration, seatOf, votersOf } from "../../../shared/raft/configuration.ts";
import type { Configuration, LogView } from "../../../shared/raft/types.ts";
import type { LoadedSnapshot } from "../log/snapshots.ts";

/** A member's seat as the newest configuration found on its disk has it. */
export type NewestSeat = {
  /** null without a seat. */
  readonly incarnation: number | null;
  readonly isSoleVoter: boolean;
};

const SCAN_BYTES = 1024 * 1024;

/** Reads the whole log for it: not for an ordinary start. */
export function newestSeat(
  self: MemberId,
  initial: Configuration,
  found: { readonly log: LogView; readonly snapshot: LoadedSnapshot | null },
): NewestSeat {
  const newest = newestConfiguration(self, initial, found);
  const others = votersOf(newest).filter((id) => id !== self);
  return {
    incarnation: seatOf(newest, self)?.incarnation ?? null,
    isSoleVoter: others.length === 0,
  };
}

/** The last one in log order that names this member; else the one its folder began from. */
function newestConfiguration(
  self: MemberId,
  initial: Configuration,
  { log, snapshot }: { readonly log: LogView; readonly snapshot: LoadedSnapshot | null },
): Configuration {
  let newest = snapshot?.mark.configuration ?? initial;
  for (let from = log.firstIndex; from <= log.lastIndex;) {
    const entries = log.entriesFrom(from, SCAN_BYTES);
    for (const entry of entries) {
      if (entry.kind !== "configuration") continue;
      const decoded = decodeConfiguration(entry.payload);
      if (decoded.ok && seatOf(decoded.value, self) !== undefined) newest = decoded.value;
    }
    from = logIndex(from + entries.length);
  }
  const known = seatOf(newest, self)?.incarnation ?? -1;
  const first = seatOf(initial, self);
  // A newcomer's log names it only once it has been replayed that far.
  return first !== undefined && known < first.incarnation ? initial : newest;
}
