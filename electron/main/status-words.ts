/**
 * The agent's state in one short sentence and one colour, for the tray. Pure: it neither asks
 * the agent nor draws. The window has its own, longer words.
 */
import { safetySentence } from "../../shared/cluster/safety.ts";
import type { Status } from "../../shared/cluster/status.ts";
import { unreachable } from "../../shared/base/assert.ts";
import type { AgentProcessState } from "./agent-supervisor.ts";

/** Which of the tray's pictures; each differs in shape as well as in colour. */
export type TrayMood = "live" | "behind" | "alone" | "stopped";

/** What the tray shows. */
export type TrayWords = { readonly mood: TrayMood; readonly sentence: string };

/** @param status The last word of the running agent; null before it spoke. */
export function trayWords(state: AgentProcessState, status: Status | null): TrayWords {
  switch (state.kind) {
    case "starting":
      return { mood: "stopped", sentence: "Starting" };
    case "waiting":
      return {
        mood: "stopped",
        sentence: `Sharing stopped by itself; trying again in ${Math.ceil(state.restartInMs / 1000)} s`,
      };
    case "stopped":
      return { mood: "stopped", sentence: "Stopped" };
    case "running":
      return status === null ? { mood: "stopped", sentence: "Starting" } : statusWords(status);
    default:
      return unreachable(state);
  }
}

/** What it means to close the lid now; null where this computer cannot tell. */
export function closingWords(state: AgentProcessState, status: Status | null): string | null {
  if (state.kind !== "running" || status === null || status.cluster === null) return null;
  const isSound = status.seat.state === "ok" && status.storage.state === "ok";
  return isSound ? safetySentence(status.safety) : null;
}

const SEAT_WORDS: { readonly [state in Exclude<Status["seat"]["state"], "ok">]: string } = {
  barred: "this data folder is older than it should be; waiting to be taken in again",
  damaged: "stored data is damaged; waiting to be taken in again",
  copy: "this data folder is a copy of one in use",
  reseeding: "being filled again from the others",
};

function statusWords(status: Status): TrayWords {
  if (status.storage.state !== "ok") {
    return { mood: "alone", sentence: `Storage needs attention: ${status.storage.state}` };
  }
  if (status.cluster !== null && status.seat.state !== "ok") {
    const sentence = `${status.cluster.name}: ${SEAT_WORDS[status.seat.state]}`;
    return { mood: status.seat.state === "reseeding" ? "behind" : "alone", sentence };
  }
  if (status.cluster === null) return { mood: "behind", sentence: "Not in a workspace yet" };
  const workspace = status.cluster.name;
  if (status.role === "leader" && status.canWrite) {
    return { mood: "live", sentence: `${workspace}: this computer leads` };
  }
  if (status.leader === null || !status.lag.leaderReachable) {
    return { mood: "alone", sentence: `${workspace}: no leader in reach, reading only` };
  }
  if (status.lag.entries > 0) {
    const count = status.lag.entries.toLocaleString("en");
    return {
      mood: "behind",
      sentence: `${workspace}: ${count} changes behind ${status.leader.name}`,
    };
  }
  return { mood: "live", sentence: `${workspace}: up to date with ${status.leader.name}` };
}
