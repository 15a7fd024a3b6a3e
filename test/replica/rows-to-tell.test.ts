import { describe, expect, it } from "vitest";
import { rowsToTell } from "../../electron/agent/replica/status-builder.ts";
import type { StageRow } from "../../electron/agent/replica/status-builder.ts";
import { logIndex, memberId } from "../../shared/base/ids.ts";
import type { Progress, RaftStatus } from "../../shared/raft/types.ts";

const LEADER = memberId("leader");
const PEER = memberId("peer");

function row(id: StageRow["id"]): StageRow {
  const at = logIndex(90);
  return { id, received: at, flushed: at, applied: at, lagEntries: 0, lagMs: 0, lastSeen: null };
}

function leading(incarnation: number | null): RaftStatus {
  const peer: Progress = {
    id: PEER,
    incarnation: 7,
    matchIndex: logIndex(80),
    mode: "replicate",
    isActive: true,
  };
  const own = { id: LEADER, incarnation, lastIndex: logIndex(95), flushedIndex: logIndex(92) };
  return { ...own, progress: [peer] } as unknown as RaftStatus;
}

describe("what the leader tells followers of everybody", () => {
  it("says what is stored on each seat, on its own one what was flushed and not what was written", () => {
    expect(rowsToTell([row(LEADER), row(PEER)], leading(5))).toEqual([
      { ...row(LEADER), incarnation: 5, stored: 92 },
      { ...row(PEER), incarnation: 7, stored: 80 },
    ]);
  });

  it("claims nothing for a leader that holds no seat, and nothing for one it does not know", () => {
    const stranger = row(memberId("stranger"));
    expect(rowsToTell([row(LEADER), stranger], leading(null))).toEqual([row(LEADER), stranger]);
  });
});
