/** How a computer of the list is described: in words and a tone. Pure. */
import type { MemberStatus, Status } from "../../shared/cluster/status.ts";
import { formatDuration, formatMoment, formatPlural, parseMoment } from "../parts/format.ts";

/** `live` up to date; `behind` catching up or not heard of for a while; `away` not connected. */
export type MemberTone = "live" | "behind" | "away";

/** What the list shows of one computer. */
export type MemberView = {
  readonly tone: MemberTone;
  readonly state: string;
  readonly lag: string;
  readonly seen: string;
};

/** Below this a mirror is called up to date, in ms: one missed heartbeat is not lag. */
const LAG_MS_SHOWN = 1_000;

/** The words for one member. */
export function describeMember(member: MemberStatus, nowMs: number): MemberView {
  const seenMs = parseMoment(member.lastSeen);
  const seen = member.isSelf ? "here" : seenMs === null ? "never" : seenText(seenMs, nowMs);
  const lag = lagText(member);
  if (!member.connected) return { tone: "away", state: awayText(member), lag, seen };
  if (member.isLeader) return { tone: "live", state: "Leads", lag: "—", seen };
  if (member.lagEntries === null) return { tone: "behind", state: "Waiting for word", lag, seen };
  const isBehind = member.lagEntries > 0 && (member.lagMs ?? 0) >= LAG_MS_SHOWN;
  return isBehind
    ? { tone: "behind", state: "Catching up", lag, seen }
    : { tone: "live", state: "Up to date", lag, seen };
}

function awayText({ refusal }: MemberStatus): string {
  return refusal?.code === "version-mismatch" ? "Runs another version" : "Not connected";
}

/** `Voter` or `Mirror`, with what that means at hand. */
export function seatText(member: MemberStatus): string {
  return member.seat === "voter" ? "Voter" : "Mirror";
}

/** What the cluster's durability promises, in one sentence. */
export function describeDurability(status: Status): string {
  const voterCount = status.members.filter((member) => member.seat === "voter").length;
  switch (status.durability) {
    case "synchronous": {
      const majority = Math.floor(voterCount / 2) + 1;
      const spare = voterCount - majority;
      const loss = formatPlural(spare, "voter", "voters");
      if (voterCount < 2) return "One voter: a change is confirmed once it is on its disk.";
      return `A change is confirmed on ${majority} of ${voterCount} voters' disks; losing ${loss} loses nothing.`;
    }
    case "semi-synchronous":
      return "A change is confirmed on the leader's disk and on a mirror's.";
    case "asynchronous":
      return "A change is confirmed on the leader's disk alone and mirrored right after.";
  }
}

function lagText(member: MemberStatus): string {
  if (member.lagEntries === null) return "not known";
  const entries =
    member.lagEntries === 0 ? "0 changes" : formatPlural(member.lagEntries, "change", "changes");
  return member.lagMs === null ? entries : `${entries}, ${formatDuration(member.lagMs)}`;
}

function seenText(seenMs: number, nowMs: number): string {
  const agoMs = nowMs - seenMs;
  return agoMs < 3_000 ? "just now" : formatMoment(seenMs, nowMs);
}
