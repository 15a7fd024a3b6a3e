import { describe, expect, it } from "vitest";
import { SeatKeeper } from "../../electron/agent/members/seat-keeper.ts";
import type { RecordChanges, Withdrawal } from "../../electron/agent/members/cluster-record.ts";
import type { ApiError, SeatEvent } from "../../shared/api/methods.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import type { RaftStatus } from "../../shared/raft/types.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const SELF = memberId("self");
const LEADER = memberId("leader");
const SILENT = { info: () => undefined, warn: () => undefined };

/** A seat of a member whose leader answers as the test wants. */
class Member {
  readonly steps: string[] = [];
  readonly events: SeatEvent[] = [];
  readonly clock = new VirtualClock();
  held: number | null = 5;
  leader: MemberId | null = LEADER;
  commitIndex = 20;
  isDiskOk = true;
  answer: () => Promise<Result<unknown, ApiError>> = () => Promise.resolve(ok({ incarnation: 40 }));
  readonly keeper: SeatKeeper;

  constructor(withdrawal: Withdrawal | null = null) {
    if (withdrawal !== null) this.held = null;
    this.keeper = new SeatKeeper(
      {
        clock: this.clock,
        logger: SILENT,
        raftStatus: () => this.#status(),
        hold: (incarnation) => {
          this.held = incarnation;
          this.steps.push(`hold ${incarnation}`);
        },
        saveRecord: (changes) => this.#save(changes),
        askSeat: (leader) => {
          this.steps.push(`ask ${leader}`);
          return this.answer();
        },
        onEvent: (event) => this.events.push(event),
      },
      withdrawal,
    );
  }

  /** Lets every step that waits for nothing but its turn happen. */
  async tick(): Promise<void> {
    this.keeper.tick();
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }

  #save({
    withdrawal,
  }: RecordChanges): Promise<Result<null, { code: "storage-full"; detail: string }>> {
    this.steps.push(`save ${String(withdrawal?.incarnation)}`);
    return Promise.resolve(
      this.isDiskOk ? ok(null) : err({ code: "storage-full", detail: "no room" }),
    );
  }

  #status(): RaftStatus {
    return {
      id: SELF,
      role: "follower",
      term: term(3),
      votedFor: null,
      incarnation: this.held,
      leader: this.leader,
      lastIndex: logIndex(this.commitIndex),
      flushedIndex: logIndex(this.commitIndex),
      commitIndex: logIndex(this.commitIndex),
      configuration: { seats: [] },
      isChangingConfiguration: false,
      transferTarget: null,
      progress: [],
    } as Partial<RaftStatus> as RaftStatus;
  }
}

const WIPED: Withdrawal = { incarnation: 5, reason: "wiped", detail: "the log is gone", atMs: 1 };

describe("SeatKeeper", () => {
  it("gives up at once what it held, and says why and since when", () => {
    const member = new Member();
    member.keeper.withdraw("missing-entries", "12 of 20");
    expect(member.steps).toEqual(["hold null", "save 5"]);
    expect(member.keeper.shown).toMatchObject({ state: "barred", reason: "missing-entries" });
    expect(member.keeper.shown.since).toBe(new Date(member.clock.wallMs()).toISOString());
    expect(member.events.map((event) => event.state)).toEqual(["barred"]);
    expect(member.events[0]?.sentence).toContain("older copy");
  });

  it("believes others only about the seat it holds", () => {
    const member = new Member();
    expect(member.keeper.barred(4, "superseded", "older")).toBe(false);
    expect(member.keeper.barred(null, "superseded", "older")).toBe(false);
    expect(member.held).toBe(5);
    expect(member.keeper.barred(5, "missing-entries", "12 of 20")).toBe(true);
    expect(member.held).toBeNull();
  });

  it("asks the leader for a new seat and notes that older ones are over before it holds it", async () => {
    const member = new Member(WIPED);
    await member.tick();
    expect(member.steps).toEqual(["ask leader", "save 39", "hold 40"]);
    expect(member.keeper.shown).toMatchObject({ state: "reseeding", reason: "wiped" });
  });

  it("is well again when the entry of its new seat has come to it", async () => {
    const member = new Member(WIPED);
    await member.tick();
    member.commitIndex = 39;
    await member.tick();
    expect(member.keeper.shown.state).toBe("reseeding");
    member.commitIndex = 40;
    await member.tick();
    expect(member.keeper.shown).toEqual({ state: "ok", reason: null, detail: null, since: null });
    expect(member.events.map((event) => event.state)).toEqual(["reseeding", "ok"]);
  });

  it("holds nothing new that it could not note, and asks the leader for no second seat meanwhile", async () => {
    const member = new Member(WIPED);
    member.isDiskOk = false;
    await member.tick();
    await member.tick();
    expect(member.held).toBeNull();
    member.isDiskOk = true;
    await member.tick();
    expect(member.held).toBe(40);
    expect(member.steps.filter((step) => step === "ask leader")).toHaveLength(1);
  });

  it("asks again after a refusal or an answer it does not understand, one question at a time", async () => {
    const member = new Member(WIPED);
    for (const value of [null, 7, {}, { incarnation: -1 }, { incarnation: "40" }]) {
      member.answer = () => Promise.resolve(ok(value));
      await member.tick();
    }
    member.answer = () => Promise.resolve(err({ code: "no-quorum", message: "later" }));
    await member.tick();
    expect(member.held).toBeNull();
    expect(member.steps).toHaveLength(6);
    let end: (answer: Result<unknown, ApiError>) => void = () => undefined;
    member.answer = () => new Promise((resolve) => (end = resolve));
    await member.tick();
    await member.tick();
    expect(member.steps).toHaveLength(7);
    end(ok({ incarnation: 41 }));
    await member.tick();
    expect(member.held).toBe(41);
  });

  it("asks nobody while nobody leads", async () => {
    const member = new Member(WIPED);
    member.leader = null;
    await member.tick();
    expect(member.steps).toEqual([]);
  });
});
