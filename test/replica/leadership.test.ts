import { describe, expect, it } from "vitest";
import type { Store } from "../../electron/agent/ports.ts";
import type { Applier } from "../../electron/agent/replica/applier.ts";
import { Leadership } from "../../electron/agent/replica/leadership.ts";
import type { RaftDriver } from "../../electron/agent/replica/raft-driver.ts";
import { StorageState } from "../../electron/agent/replica/storage-state.ts";
import { WRITE_BYTES_MAX, WRITE_COUNT_MAX } from "../../electron/agent/replica/write-budget.ts";
import type { WriteOutcome, WriteRequest } from "../../electron/agent/replica/write-queue.ts";
import type { CaptureRequest } from "../../electron/store-worker/messages.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { LogView, RaftStatus } from "../../shared/raft/types.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const SELF = memberId("n1");
const ELECTION_MS = 1000;

/** A member whose store answers a capture when the test says so, with an SQL error each. */
class Member {
  readonly clock = new VirtualClock();
  leader: MemberId | null = null;
  readonly captures: (() => void)[] = [];
  cancelCount = 0;
  readonly leadership = new Leadership({
    clock: {
      nowMs: () => this.clock.nowMs(),
      wallMs: () => this.clock.wallMs(),
      localOffsetMs: () => 0,
      after: (delayMs, callback) => {
        const timer = this.clock.after(delayMs, callback);
        return { cancel: () => void (this.cancelCount++, timer.cancel()) };
      },
    },
    store: { call: (_, params) => this.#capture(params), close: () => Promise.resolve() } as Store,
    applier: {
      position: { applied: { term: term(1), index: logIndex(0) }, checksum: "" },
      release: () => undefined,
    } as Applier,
    log: { termAt: () => null } as unknown as LogView,
    storage: new StorageState("test"),
    raftStatus: () => this.status(),
    driver: {} as RaftDriver,
    electionMs: ELECTION_MS,
    isRemoved: () => false,
    contactOf: (id) => ({ id, name: id, address: null, http: null }),
  });

  status(): RaftStatus {
    const { leader } = this;
    const role = leader === SELF ? "leader" : "follower";
    const indexes = { lastIndex: logIndex(0), flushedIndex: logIndex(0) };
    return { role, leader, term: term(1), ...indexes } as RaftStatus;
  }

  /** @param text What the edit writes. */
  submit(text: string): { readonly outcome: () => WriteOutcome | null } {
    const statements = [{ sql: "INSERT", params: [text] }];
    const capture: WriteRequest["capture"] = {
      work: { type: "statements", statements },
      ...{ client: null, author: "a", atMs: 0, isInternal: false },
    };
    let outcome: WriteOutcome | null = null;
    void this.leadership.submit({ capture, ack: "committed" }).then((end) => (outcome = end));
    return { outcome: () => outcome };
  }

  async pass(ms: number): Promise<void> {
    this.clock.advanceTo(this.clock.nowMs() + ms);
    await settle();
  }

  #capture(params: unknown): Promise<never> {
    const { requests } = params as { readonly requests: readonly CaptureRequest[] };
    const failed = { ok: false, error: { code: "sql-error", message: "no" } };
    return new Promise((answer) => {
      this.captures.push(() => answer(requests.map(() => failed) as never));
    });
  }
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function codeOf(write: { readonly outcome: () => WriteOutcome | null }): string | null {
  const outcome = write.outcome();
  if (outcome === null) return null;
  return outcome.ok ? "ok" : outcome.error.code;
}

const EIGHTH = "x".repeat(WRITE_BYTES_MAX / 8 - 100);

describe("edits that wait", () => {
  it("for a leader hold a bounded number of bytes, and are taken again when there is room", async () => {
    const member = new Member();
    const taken = Array.from({ length: 8 }, () => member.submit(EIGHTH));
    const refused = [member.submit(EIGHTH), member.submit("x".repeat(1000))];
    const small = member.submit("small");
    await settle();
    expect(refused.map(codeOf)).toEqual(["busy", "busy"]);
    expect([...taken, small].map(codeOf)).toEqual(Array(9).fill(null));
    await member.pass(2 * ELECTION_MS);
    expect(taken.map(codeOf)).toEqual(Array(8).fill("no-quorum"));
    const later = member.submit(EIGHTH);
    await settle();
    expect(codeOf(later)).toBeNull();
  });

  it("for a leader are bounded in number", async () => {
    const member = new Member();
    const taken = Array.from({ length: WRITE_COUNT_MAX }, () => member.submit(""));
    const refused = member.submit("");
    await settle();
    expect([codeOf(refused), codeOf(taken[0] ?? refused)]).toEqual(["busy", null]);
  });

  it("for the store hold a bounded number of bytes, those being captured included", async () => {
    const member = new Member();
    member.leader = SELF;
    const taken = Array.from({ length: 8 }, () => member.submit(EIGHTH));
    await settle();
    expect(member.captures.length).toBe(1);
    const refused = member.submit(EIGHTH);
    await settle();
    expect(codeOf(refused)).toBe("busy");
    member.captures[0]?.();
    await settle();
    member.captures[1]?.();
    await settle();
    expect(taken.map(codeOf)).toEqual(Array(8).fill("sql-error"));
    const later = member.submit(EIGHTH);
    await settle();
    expect(codeOf(later)).toBeNull();
  });

  it("let one that is larger than all the room through when it is alone", async () => {
    const member = new Member();
    const large = member.submit("x".repeat(WRITE_BYTES_MAX + 1));
    const next = member.submit("small");
    await settle();
    expect([codeOf(large), codeOf(next)]).toEqual([null, "busy"]);
  });

  it("leave nothing behind when no leader came", async () => {
    const member = new Member();
    for (let i = 0; i < 20; i++) {
      const write = member.submit("small");
      await member.pass(2 * ELECTION_MS);
      expect(codeOf(write)).toBe("no-quorum");
    }
    member.cancelCount = 0;
    member.leader = memberId("n2");
    member.leadership.note(member.status());
    expect(member.cancelCount).toBe(0);
  });
});
