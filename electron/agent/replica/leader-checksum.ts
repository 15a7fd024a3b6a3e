import type { LogIndex } from "../../../shared/base/ids.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import type { Applier } from "./applier.ts";
import type { Forwarder } from "./forwarder.ts";

/** The leader's answer to a small question. */
const ASK_WAIT_MS = 2_000;

/** The leader's checksum at an index; null when it cannot be asked or has forgotten. */
export async function leaderChecksum(
  parts: {
    readonly raftStatus: () => RaftStatus;
    readonly applier: Applier;
    readonly forwarder: Forwarder;
  },
  index: LogIndex,
): Promise<string | null> {
  const { leader, role } = parts.raftStatus();
  if (role === "leader") return parts.applier.checksumAt(index);
  if (leader === null) return null;
  const call = { method: "checksum-at", params: { index }, withinMs: ASK_WAIT_MS };
  const answer = await parts.forwarder.ask(leader, call);
  return answer.ok && typeof answer.value === "string" ? answer.value : null;
}
