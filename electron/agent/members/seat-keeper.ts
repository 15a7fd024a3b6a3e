/**
 * This member's own seat while it runs: gives it up when what it promised is not all here, asks
 * the leader for a new one, and says so all the while.
 *
 * How one finds out is not known here: `seat-decision.ts` looks at the disk, `seat-watch.ts` at
 * what others say. The core refuses to vote and to acknowledge while nothing is held; here is
 * only who tells it when.
 */
import type { ApiError, SeatEvent } from "../../../shared/api/methods.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { SeatReason, SeatStatus } from "../../../shared/cluster/status.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import type { Clock, Logger } from "../ports.ts";
import type { RecordChanges, Withdrawal } from "./cluster-record.ts";
import { seatSentence } from "./seat-sentence.ts";

/** Name of the forwarded question for a new seat. */
export const RESEAT_METHOD = "reseat";

type SeatKeeperOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly raftStatus: () => RaftStatus;
  /** Tells the core what to hold. */
  readonly hold: (incarnation: number | null) => void;
  readonly saveRecord: (changes: RecordChanges) => Promise<Result<null, { detail: string }>>;
  /** Asks a member for a new seat of this one. */
  readonly askSeat: (leader: MemberId) => Promise<Result<unknown, ApiError>>;
  readonly onEvent: (event: SeatEvent) => void;
};

type State =
  | { readonly kind: "held" }
  | { readonly kind: "withdrawn"; readonly withdrawal: Withdrawal }
  | { readonly kind: "reseeding"; readonly withdrawal: Withdrawal; readonly upTo: number };

/** Owns what is said and done about this member's seat. */
export class SeatKeeper {
  readonly #options: SeatKeeperOptions;
  #state: State;
  #isAsking = false;
  /** The new seat, while it could not be noted yet. */
  #given: { readonly incarnation: number; readonly withdrawal: Withdrawal } | null = null;

  /** @param withdrawal What was decided at the start. */
  constructor(options: SeatKeeperOptions, withdrawal: Withdrawal | null) {
    this.#options = options;
    this.#state = withdrawal === null ? { kind: "held" } : { kind: "withdrawn", withdrawal };
  }

  /** For the status. */
  get shown(): SeatStatus {
    const state = this.#state;
    if (state.kind === "held") return { state: "ok", reason: null, detail: null, since: null };
    const { reason, detail, atMs } = state.withdrawal;
    const since = new Date(atMs).toISOString();
    return { state: shownState(state.kind, reason), reason, detail, since };
  }

  /** Whether nothing is held. */
  get isWithdrawn(): boolean {
    return this.#state.kind === "withdrawn";
  }

  /** Says at the start what was found then. */
  announce(): void {
    if (this.#state.kind === "withdrawn") this.#tell(this.#state.withdrawal);
  }

  /** Gives up what the seat promised: no vote and no acknowledgement leaves from now on. */
  withdraw(reason: SeatReason, detail: string): void {
    if (this.#state.kind === "withdrawn") return;
    const { clock, raftStatus, hold, saveRecord, logger } = this.#options;
    const { incarnation } = raftStatus();
    const withdrawal = { incarnation, reason, detail, atMs: clock.wallMs() };
    this.#state = { kind: "withdrawn", withdrawal };
    hold(null);
    void saveRecord({ withdrawal }).then((saved) => {
      // The hard state says none as well: the note only keeps the reason.
      if (!saved.ok) logger.warn("record-not-saved", { detail: saved.error.detail });
    });
    this.#tell(withdrawal);
  }

  /** Another member says that this one's disk is older than what it promised. */
  barred(incarnation: number | null, reason: SeatReason, detail: string): boolean {
    const held = this.#options.raftStatus().incarnation;
    if (held === null || incarnation === null || incarnation !== held) return false;
    this.withdraw(reason, detail);
    return true;
  }

  /** Once a second, and when a leader is found: asks for a new seat, looks whether it is filled. */
  tick(): void {
    const status = this.#options.raftStatus();
    const state = this.#state;
    if (state.kind === "reseeding" && status.commitIndex >= state.upTo) {
      this.#state = { kind: "held" };
      this.#emit("ok", null, "This computer is back in step with the others.");
    }
    const { leader } = status;
    if (state.kind !== "withdrawn" || leader === null || leader === status.id) return;
    if (!this.#isAsking) void this.#ask(leader, state.withdrawal);
  }

  async #ask(leader: MemberId, withdrawal: Withdrawal): Promise<void> {
    const given = this.#given;
    // On a full disk the note is tried again; asking again would cost the others a change each time.
    if (given !== null && given.withdrawal === withdrawal) {
      this.#isAsking = true;
      await this.#reseat(given.incarnation, withdrawal);
      this.#isAsking = false;
      return;
    }
    this.#isAsking = true;
    const answer = await this.#options.askSeat(leader);
    this.#isAsking = false;
    if (!answer.ok) {
      const { code, message } = answer.error;
      this.#options.logger.info("reseat-refused", { leader, code, message });
      return;
    }
    const incarnation = parseIncarnation(answer.value);
    if (incarnation !== null) await this.#reseat(incarnation, withdrawal);
  }

  async #reseat(incarnation: number, withdrawal: Withdrawal): Promise<void> {
    const { saveRecord, hold, logger } = this.#options;
    // The note stays until the next start and now covers every seat before the new one: whichever
    // of the two reaches the disk, an old incarnation is never held again.
    const covered = { ...withdrawal, incarnation: incarnation - 1 };
    this.#given = { incarnation, withdrawal };
    const saved = await saveRecord({ withdrawal: covered });
    if (!saved.ok) {
      logger.warn("record-not-saved", { detail: saved.error.detail });
      return;
    }
    // Something else was found meanwhile: that asks for a seat of its own.
    if (this.#state.kind !== "withdrawn" || this.#state.withdrawal !== withdrawal) return;
    this.#state = { kind: "reseeding", withdrawal, upTo: incarnation };
    this.#given = null;
    hold(incarnation);
    logger.info("reseated", { incarnation });
    this.#emit("reseeding", withdrawal.reason, seatSentence("reseeding", withdrawal));
  }

  #tell(withdrawal: Withdrawal): void {
    const { reason, detail, incarnation } = withdrawal;
    this.#options.logger.warn("seat-given-up", { reason, detail, incarnation });
    const state = shownState("withdrawn", reason);
    this.#emit(state, reason, seatSentence(state, withdrawal));
  }

  #emit(state: SeatStatus["state"], reason: SeatReason | null, sentence: string): void {
    const at = new Date(this.#options.clock.wallMs()).toISOString();
    this.#options.onEvent({ type: "seat", state, reason, at, sentence });
  }
}

function shownState(
  kind: Exclude<State["kind"], "held">,
  reason: SeatReason,
): Exclude<SeatStatus["state"], "ok"> {
  if (kind === "reseeding") return "reseeding";
  if (reason === "copy") return "copy";
  return reason === "damaged" ? "damaged" : "barred";
}

/** The leader's answer; null for anything else, and of a leader that gives none. */
function parseIncarnation(value: unknown): number | null {
  if (typeof value !== "object" || value === null) return null;
  const { incarnation } = value as Record<string, unknown>;
  const isIndex = Number.isSafeInteger(incarnation) && (incarnation as number) > 0;
  return isIndex ? (incarnation as number) : null;
}
