import type { SeatReason, SeatStatus } from "../../../shared/cluster/status.ts";
import type { Withdrawal } from "./cluster-record.ts";

const FOUND: { readonly [reason in SeatReason]: string } = {
  wiped: "The data folder of this computer was emptied",
  damaged: "Some bytes of this computer's data folder are damaged",
  "older-term": "An older copy of this computer's data folder was restored",
  "missing-entries": "An older copy of this computer's data folder was restored",
  "forgotten-vote": "An older copy of this computer's data folder was restored",
  superseded: "This data folder is an old copy: the computer's seat was given anew since",
  copy: "This data folder is a copy of one that another running computer uses",
  withdrawn: "This computer gave up its seat",
};

/** What happened to the seat, and what happens now, in one sentence for people. */
export function seatSentence(
  state: Exclude<SeatStatus["state"], "ok">,
  { reason, detail }: Pick<Withdrawal, "reason" | "detail">,
): string {
  return `${FOUND[reason]} (${detail}). ${NOW[state]}`;
}

const NOW: { readonly [state in Exclude<SeatStatus["state"], "ok">]: string } = {
  barred: "It confirms nothing and does not vote until the leader gave it a new seat.",
  damaged: "It confirms nothing and does not vote until the leader gave it a new seat.",
  copy: "It stands back: it neither votes nor confirms anything.",
  reseeding: "It was given a new seat and is being filled from the others.",
};
