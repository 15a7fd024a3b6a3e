import type { ConnectionState } from "../agent/client.ts";
import type { Status } from "../../shared/cluster/status.ts";
import { errorTexts } from "../text/en.ts";

/** Why this computer may not edit now, as one sentence; null when it may. */
export function whyReadOnly(status: Status | null, connection: ConnectionState): string | null {
  if (connection !== "open" || status === null) return errorTexts["agent-unreachable"].what;
  if (status.canWrite) return null;
  if (status.storage.state === "full") return errorTexts["storage-full"].what;
  if (status.storage.state === "failed") return errorTexts["storage-failed"].what;
  if (status.storage.state === "diverged") return errorTexts.diverged.what;
  if (status.storage.state === "damaged") return errorTexts["log-damaged"].what;
  if (status.role === "leader") return errorTexts["no-quorum"].what;
  if (status.leader === null) return "Read only: no computer leads right now.";
  return `Read only here: ${status.leader.name} leads.`;
}
