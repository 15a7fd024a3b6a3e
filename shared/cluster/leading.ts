/**
 * For each computer, why it could or could not lead now, and whether anybody can: what a person asks when nobody may
 * edit. Pure, from one member's status: what that member does not know is said to be unknown, never assumed.
 */
import type { MemberStatus, Status } from "./status.ts";

/** One thing that has to be so before a computer may lead. `isMet`: null where nobody here knows. */
export type LeadingCheck = { readonly isMet: boolean | null; readonly sentence: string };

/** One computer. */
export type LeadingChance = {
  readonly name: string;
  readonly isSelf: boolean;
  readonly isLeader: boolean;
  /** Whether it could take over, or go on: `false` when one check fails, null when one is not known. */
  readonly canLead: boolean | null;
  readonly checks: readonly LeadingCheck[];
};

/** The workspace. */
export type LeadingReport = {
  /** Who leads, or what is missing for somebody to. */
  readonly sentence: string;
  readonly votesNeeded: number;
  /** Voting computers that are here or connected to this one. */
  readonly votesHere: number;
  readonly votesInAll: number;
  readonly members: readonly LeadingChance[];
};

/** Judges a status. */
export function leadingReport(status: Status): LeadingReport {
  const voters = status.members.filter(({ seat }) => seat === "voter");
  const votesNeeded = Math.floor(voters.length / 2) + 1;
  const votesHere = voters.filter(({ connected }) => connected).length;
  const counts = { votesNeeded, votesHere, votesInAll: voters.length };
  const members = status.members.map((member) => chanceOf(member, status, counts));
  return { sentence: sentenceOf(status, voters, counts), ...counts, members };
}

type Counts = Pick<LeadingReport, "votesNeeded" | "votesHere" | "votesInAll">;

function sentenceOf(status: Status, voters: readonly MemberStatus[], counts: Counts): string {
  const { leader, role, canWrite } = status;
  if (status.members.length === 0) return "This computer belongs to no workspace yet.";
  const { votesNeeded, votesHere, votesInAll } = counts;
  const majority = `${votesNeeded} of the ${votesInAll} that vote`;
  if (role === "leader" && canWrite) return "This computer leads and takes edits.";
  if (role === "leader") return "This computer leads, and does not take edits now.";
  if (leader !== null && status.lag.leaderReachable) return `${leader.name} leads.`;
  if (leader !== null) return `${leader.name} led when it was last heard; it is not heard now.`;
  if (votesHere >= votesNeeded)
    return "No computer leads; those that reach each other are choosing.";
  const away = voters.filter(({ connected }) => !connected).map(({ name }) => name);
  return `No computer can lead: ${majority} must reach each other, and from here ${votesHere} do. Not reached: ${away.join(", ")}.`;
}

function chanceOf(member: MemberStatus, status: Status, counts: Counts): LeadingChance {
  const checks = member.isSelf
    ? [voteCheck(member), seatCheck(status), storageCheck(status), majorityCheck(status, counts)]
    : [voteCheck(member), reachCheck(member), changesCheck(member)];
  const canLead = checks.some(({ isMet }) => isMet === false)
    ? false
    : checks.some(({ isMet }) => isMet === null)
      ? null
      : true;
  const { name, isSelf, isLeader } = member;
  return { name, isSelf, isLeader, canLead, checks };
}

function voteCheck({ seat }: MemberStatus): LeadingCheck {
  const isMet = seat === "voter";
  return { isMet, sentence: isMet ? "it has a vote" : "it mirrors: it has no vote" };
}

function seatCheck({ seat }: Status): LeadingCheck {
  if (seat.state === "ok")
    return { isMet: true, sentence: "its disk vouches for what it promised" };
  const detail = seat.detail === null ? "" : ` (${seat.detail})`;
  return { isMet: false, sentence: `it gave its promises up: ${seat.state}${detail}` };
}

function storageCheck({ storage }: Status): LeadingCheck {
  if (storage.state === "ok")
    return { isMet: true, sentence: "its disk and its data are in order" };
  return { isMet: false, sentence: `its storage is ${storage.state}` };
}

function majorityCheck(
  { role }: Status,
  { votesNeeded, votesHere, votesInAll }: Counts,
): LeadingCheck {
  const reached = `it reaches ${votesHere} of ${votesInAll} votes, its own included, and needs ${votesNeeded}`;
  return { isMet: role === "leader" || votesHere >= votesNeeded, sentence: reached };
}

function reachCheck({ connected, refusal, lastSeen }: MemberStatus): LeadingCheck {
  if (connected) return { isMet: true, sentence: "it is connected to this computer" };
  const seen = lastSeen === null ? "and was not seen yet" : `last seen ${lastSeen}`;
  const sentence = refusal === null ? `it is not reached from here, ${seen}` : refusal.detail;
  // What others reach is not known here: only for this computer it is out of reach.
  return { isMet: null, sentence };
}

function changesCheck({ lagEntries, isLeader }: MemberStatus): LeadingCheck {
  if (isLeader) return { isMet: true, sentence: "what is confirmed comes from it" };
  if (lagEntries === null) return { isMet: null, sentence: "how much it has is not known here" };
  if (lagEntries === 0) return { isMet: true, sentence: "it has every confirmed change" };
  const changes = lagEntries === 1 ? "1 confirmed change" : `${lagEntries} confirmed changes`;
  return { isMet: null, sentence: `it had not applied ${changes} when it was last heard` };
}
