/**
 * The one sentence on top of the window: who leads, whether you can edit here, as of when you
 * see the data. Pure, so that every state can be listed in a test. What is not known is said.
 */
import type { ConnectionState } from "../agent/client.ts";
import type { Status } from "../../shared/cluster/status.ts";
import { errorTexts, seatFound, seatMeans } from "../text/en.ts";
import { formatCount, formatDuration, formatMoment, parseMoment } from "../parts/format.ts";

/** `live` can be trusted now; `behind` is older than the leader's; `stopped` needs somebody. */
export type BannerTone = "live" | "mirror" | "behind" | "stopped" | "waiting";

/** What the banner shows. */
export type BannerView = {
  readonly tone: BannerTone;
  /** Who leads. */
  readonly lead: string;
  /** Whether you can edit here, and why not. */
  readonly edit: string;
  /** As of when you see the data; null when there is none. */
  readonly asOf: string | null;
};

/** What the sentence is made from. */
export type BannerInput = {
  readonly status: Status | null;
  readonly connection: ConnectionState;
  readonly heardAtMs: number | null;
  readonly nowMs: number;
};

/** A status older than this is no longer called live: the agent sends one every second. */
const SILENCE_MS = 4_000;

/** The banner for a state of the world. */
export function describeBanner(input: BannerInput): BannerView {
  const { status } = input;
  if (status === null || input.heardAtMs === null) {
    const lead = "Connecting to the agent on this computer.";
    return { tone: "waiting", lead, edit: "Nothing can be shown yet.", asOf: null };
  }
  if (input.connection !== "open" || input.nowMs - input.heardAtMs > SILENCE_MS) {
    return agentSilent(input.heardAtMs, input.nowMs);
  }
  if (status.storage.state === "damaged") return logDamaged(status, input.nowMs);
  if (status.seat.state !== "ok") return seatLost(status, status.seat.state, input.nowMs);
  if (status.storage.state === "failed" || status.storage.state === "diverged") {
    return storageBroken(status, input.nowMs);
  }
  if (status.alarm !== null) return alarming(status, status.alarm, input.nowMs);
  if (status.role === "leader") return leading(status, input.nowMs);
  if (status.leader === null || !status.lag.leaderReachable) return leaderless(status, input.nowMs);
  return mirroring(status, status.leader.name, input.nowMs);
}

function agentSilent(heardAtMs: number, nowMs: number): BannerView {
  return {
    tone: "stopped",
    lead: "The Tidemark agent on this computer does not answer.",
    edit: "You can read what is on screen; editing waits until it is back.",
    asOf: `As of ${formatMoment(heardAtMs, nowMs)}, ${formatDuration(nowMs - heardAtMs)} ago`,
  };
}

function storageBroken(status: Status, nowMs: number): BannerView {
  const isFailed = status.storage.state === "failed";
  return {
    tone: "stopped",
    lead: isFailed
      ? "The disk of this computer failed to save."
      : "The data here no longer matches the leader's.",
    edit: isFailed
      ? "You cannot edit here. Check the disk, then start Tidemark again."
      : "You cannot edit here. A clean copy is being fetched.",
    asOf: asOfText(status, nowMs),
  };
}

/** Alone with a damaged log: nobody can fill it again. */
function logDamaged(status: Status, nowMs: number): BannerView {
  const { what, next } = errorTexts["log-damaged"];
  return { tone: "stopped", lead: what, edit: next, asOf: asOfText(status, nowMs) };
}

function seatLost(
  status: Status,
  state: Exclude<Status["seat"]["state"], "ok">,
  nowMs: number,
): BannerView {
  return {
    tone: state === "reseeding" ? "behind" : "stopped",
    lead: seatFound[status.seat.reason ?? "withdrawn"],
    edit: seatMeans[state],
    asOf: asOfText(status, nowMs),
  };
}

/** Another member said what a sound one never says. Nothing here is wrong, but somebody must look. */
function alarming(status: Status, alarm: NonNullable<Status["alarm"]>, nowMs: number): BannerView {
  return {
    tone: "stopped",
    lead: `${alarm.member} sent something that a sound computer never sends (${alarm.code}).`,
    edit: "It was not taken. Restart Tidemark there; if this stays, remove that computer.",
    asOf: asOfText(status, nowMs),
  };
}

function leading(status: Status, nowMs: number): BannerView {
  const lead = "This computer leads.";
  if (status.canWrite) {
    const asOf = isBehind(status.lag) ? asOfText(status, nowMs) : "Live";
    return { tone: "live", lead, edit: confirmedBy(status), asOf };
  }
  if (status.storage.state === "full") {
    const edit = "You cannot edit: its disk is full. Free some space and it goes on by itself.";
    return { tone: "stopped", lead, edit, asOf: asOfText(status, nowMs) };
  }
  const edit = "You cannot edit: too few computers answer to confirm a change.";
  return { tone: "behind", lead, edit, asOf: asOfText(status, nowMs) };
}

/** Below this a leader's own lag is what is on its way to the disk every moment, in ms. */
const LAG_MS_SHOWN = 1_000;

/** A leader that has just begun may still lack what the one before it had confirmed. */
function isBehind({ ms }: Status["lag"]): boolean {
  return ms === null || ms >= LAG_MS_SHOWN;
}

/** An edit is only as safe as the number of disks it is on: say it. */
function confirmedBy(status: Status): string {
  const voterCount = status.members.filter((member) => member.seat === "voter").length;
  if (status.members.length < 2) {
    return "You can edit; the only copy is on this disk, so invite another computer.";
  }
  if (status.durability === "synchronous" && voterCount > 1) {
    const majority = Math.floor(voterCount / 2) + 1;
    return `You can edit; each change is confirmed on ${majority} of ${voterCount} disks.`;
  }
  return "You can edit; each change is mirrored to the other computers.";
}

function leaderless(status: Status, nowMs: number): BannerView {
  const heardMs = parseMoment(status.lag.asOf);
  const ago = heardMs === null ? "" : `, ${formatDuration(nowMs - heardMs)} ago`;
  const asOf = `${asOfText(status, nowMs)}${ago}`;
  if (status.leader !== null) {
    return {
      tone: "behind",
      lead: `${status.leader.name} leads, but cannot be reached from here.`,
      edit: "You can read; editing waits for a leader.",
      asOf,
    };
  }
  return {
    tone: "behind",
    lead: "No computer leads right now.",
    edit: "You can read; the computers that reach each other are choosing a leader.",
    asOf,
  };
}

function mirroring(status: Status, leaderName: string, nowMs: number): BannerView {
  const lead = `${leaderName} leads.`;
  const edit = status.canWrite
    ? `You can edit; changes are passed on to ${leaderName}.`
    : "You can read here; edit on that computer.";
  if (status.lag.entries > 0) {
    const behind = `${formatCount(status.lag.entries)} ${status.lag.entries === 1 ? "change" : "changes"} behind`;
    return {
      tone: "behind",
      lead,
      edit,
      asOf: `${behind}, ${lowerFirst(asOfText(status, nowMs))}`,
    };
  }
  return { tone: "mirror", lead, edit, asOf: `Up to date ${lowerFirst(asOfText(status, nowMs))}` };
}

function asOfText(status: Status, nowMs: number): string {
  const asOfMs = parseMoment(status.lag.asOf);
  return asOfMs === null ? "As of an unknown time" : `As of ${formatMoment(asOfMs, nowMs)}`;
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
