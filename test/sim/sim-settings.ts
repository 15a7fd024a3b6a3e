import { DEFAULT_SETTINGS } from "../../electron/agent/replica/replica-context.ts";
import type { ReplicaSettings } from "../../electron/agent/replica/replica-context.ts";
import type { SimOptions } from "./sim-options.ts";

/** What a member runs with in a world. */
export function settingsOf(options: SimOptions): ReplicaSettings {
  const { heartbeatMs, electionMs, appendBytesMax } = options;
  return {
    ...DEFAULT_SETTINGS,
    raft: { ...DEFAULT_SETTINGS.raft, heartbeatMs, electionMs, appendBytesMax },
    snapshotAfterBytes: options.snapshotAfterBytes,
    retentionBytes: options.retentionBytes,
    segmentBytesMax: options.segmentBytesMax,
  };
}
