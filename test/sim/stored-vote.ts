import { HARD_STATE_NAMES } from "../../electron/agent/log/hard-state-files.ts";
import { decodeHardState } from "../../electron/agent/log/hard-state-format.ts";
import { ownerTag } from "../../electron/agent/log/owner-tag.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { HardState } from "../../shared/raft/types.ts";
import type { FakeDisk } from "../support/fake-disk.ts";

/** What of a member's term and vote would survive a power loss now; null when nothing would. */
export function storedVoteOf(id: MemberId, disk: FakeDisk): HardState | null {
  let best: HardState | null = null;
  for (const name of HARD_STATE_NAMES) {
    const bytes = disk.durable(`log/${name}`);
    const decoded = bytes === null ? "damaged" : decodeHardState(bytes, ownerTag(id));
    if (typeof decoded === "string") continue;
    if (best === null || decoded.state.term > best.term) best = decoded.state;
  }
  return best;
}
