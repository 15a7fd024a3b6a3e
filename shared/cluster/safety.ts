/**
 * What would be lost if this computer died now, and what stops when it is closed: told by the window, the tray, the
 * command line and `/api/status` alike. Pure; it knows only what a status says, and never claims more.
 */
import type { LogIndex } from "../base/ids.ts";
import type { ClosingState, MemberRole, MemberStatus, Safety } from "./status.ts";

/** The parts of a status that it is judged by. */
type Told = {
  readonly role: MemberRole;
  readonly members: readonly MemberStatus[];
  readonly log: { readonly commitIndex: LogIndex };
};

/** Judges a status. */
export function safetyOf({ role, members, log }: Told): Safety {
  const others = members.filter(({ isSelf }) => !isSelf);
  const voters = members.filter(({ seat }) => seat === "voter");
  const stored = others.map((other) => storedBy(other, { role, log }));
  const known = stored.filter((index) => index >= log.commitIndex).length;
  // Confirmed means on the disks of a majority: only a computer that votes alone can be the only one.
  const isSoleVoter = voters.length === 1 && voters[0]?.isSelf === true;
  const onlyHereMax = isSoleVoter ? Math.max(0, log.commitIndex - Math.max(0, ...stored)) : 0;
  return {
    closing: closingOf(voters, { othersCount: others.length, onlyHereMax }),
    onlyHereMax,
    wholeCopies: isSoleVoter || others.length === 0 ? known : Math.max(1, known),
  };
}

/** Whoever has not joined a workspace yet holds nothing. */
export const NOTHING_TO_LOSE: Safety = { closing: "safe", onlyHereMax: 0, wholeCopies: 0 };

/** The same in one sentence, for people. */
export function safetySentence({ closing, onlyHereMax }: Safety): string {
  switch (closing) {
    case "safe":
      return "Every confirmed change is on another computer, too, and editing goes on without this one.";
    case "stops-editing":
      return "Every confirmed change is on another computer, too, but without this one nobody can edit.";
    case "only-here":
      return `Up to ${onlyHereMax.toLocaleString("en")} confirmed ${onlyHereMax === 1 ? "change is" : "changes are"} on this computer only.`;
    case "alone":
      return "This computer holds the only copy; invite another one, or make a backup.";
  }
}

/** Up to where another has the log on its disk. What a follower knows to be confirmed, its leader had first. */
function storedBy(other: MemberStatus, { role, log }: Omit<Told, "members">): number {
  const told = other.flushed ?? 0;
  return role !== "leader" && other.isLeader ? Math.max(told, log.commitIndex) : told;
}

function closingOf(
  voters: readonly MemberStatus[],
  { othersCount, onlyHereMax }: { readonly othersCount: number; readonly onlyHereMax: number },
): ClosingState {
  if (othersCount === 0) return "alone";
  if (onlyHereMax > 0) return "only-here";
  // Who does not vote is missed by nobody; who does must leave a majority behind.
  const left = voters.filter(({ isSelf, connected }) => !isSelf && connected).length;
  const isNeeded = voters.some(({ isSelf }) => isSelf);
  return !isNeeded || left > voters.length / 2 ? "safe" : "stops-editing";
}
