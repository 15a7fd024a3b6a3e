/**
 * What a data folder may vouch for when its member starts. Pure: what was found goes in, the
 * incarnation to hold comes out, or why none may be held.
 *
 * The rule behind all of it: a member holds an incarnation only while everything that its seat
 * ever promised under it is on this disk. Where that is not sure, it holds none; asking for a new
 * incarnation costs seconds, a vote given twice costs data.
 */
import type { SeatReason } from "../../../shared/cluster/status.ts";
import type { StoredIncarnation } from "../log/hard-state-format.ts";
import type { Withdrawal } from "./cluster-record.ts";

/** What was found on the disk. */
export type FoundSeat = {
  /** From `cluster.json`; see `ClusterRecord`. */
  readonly begun: boolean | null;
  readonly withdrawal: Withdrawal | null;
  /** Whether any other member was ever known. */
  readonly hasOthers: boolean;
  readonly isLogEmpty: boolean;
  readonly hasSnapshot: boolean;
  /** What the disk says is held. `missing`: no term and vote; `unknown`: of an older version. */
  readonly stored: StoredIncarnation;
  /** What is damaged, as one sentence; null when everything that is there is whole. */
  readonly damage: string | null;
  /** Incarnation of this member's seat in the newest configuration found; null without a seat. */
  readonly newestSeat: number | null;
  /** The same in the configuration from which this folder began. */
  readonly initialSeat: number | null;
  /** Whether the newest configuration found has no other voter. */
  readonly isSoleVoter: boolean;
  /** By the wall clock, for people. */
  readonly nowMs: number;
};

/** What to do. With a withdrawal nothing is held. */
export type SeatDecision =
  | { readonly held: number; readonly withdrawal: null }
  | { readonly held: null; readonly withdrawal: Withdrawal };

/** Decides. */
export function decideSeat(found: FoundSeat): SeatDecision {
  const standing = standingWithdrawal(found);
  if (standing !== null) return standing;
  if (found.damage !== null) return withdrawn(found, "damaged", found.damage);
  if (isFresh(found)) return beginning(found);
  const { stored } = found;
  if (stored === "missing") {
    return found.isLogEmpty
      ? withdrawn(found, "wiped", "the replication log and the vote of this computer are gone")
      : withdrawn(found, "damaged", "term and vote are gone, although there is a log");
  }
  if (stored === "unknown") return adopting(found);
  if (stored !== null) return { held: stored, withdrawal: null };
  return withdrawn(
    found,
    "withdrawn",
    "this computer gave up its seat and was not given a new one",
  );
}

/** One that was noted before stands until a newer incarnation is held. */
function standingWithdrawal(found: FoundSeat): SeatDecision | null {
  const { withdrawal, stored } = found;
  if (withdrawal === null) return null;
  // The new seat reached the disk, and the process ended before the note was taken away.
  const isReseated =
    typeof stored === "number" &&
    withdrawal.incarnation !== null &&
    stored > withdrawal.incarnation;
  if (isReseated && found.damage === null) return { held: stored, withdrawal: null };
  // Nobody could give it a new seat, and what it promised is all there: only the copy had to stop.
  const mayResume = withdrawal.reason === "copy" && found.isSoleVoter && found.damage === null;
  if (mayResume && found.newestSeat !== null) return { held: found.newestSeat, withdrawal: null };
  return { held: null, withdrawal };
}

/** Nothing was ever promised here. */
function isFresh(found: FoundSeat): boolean {
  if (!found.isLogEmpty || found.hasSnapshot || found.begun === true) return false;
  if (found.begun === false) return true;
  // An older version did not note it. Alone there is nobody to whom anything was promised.
  return found.stored === "missing" && !found.hasOthers;
}

function beginning(found: FoundSeat): SeatDecision {
  if (found.initialSeat !== null) return { held: found.initialSeat, withdrawal: null };
  return withdrawn(found, "withdrawn", "the configuration of the joining names no seat here");
}

function adopting(found: FoundSeat): SeatDecision {
  if (found.newestSeat !== null) return { held: found.newestSeat, withdrawal: null };
  return withdrawn(found, "withdrawn", "the log names no seat of this computer");
}

function withdrawn(found: FoundSeat, reason: SeatReason, detail: string): SeatDecision {
  const incarnation = typeof found.stored === "number" ? found.stored : found.newestSeat;
  return { held: null, withdrawal: { incarnation, reason, detail, atMs: found.nowMs } };
}
