import { describe, expect, it } from "vitest";
import { Admission } from "../../electron/agent/members/admission.ts";
import { Vouching } from "../../electron/agent/members/vouching.ts";
import { Forwarder } from "../../electron/agent/replica/forwarder.ts";
import { NO_BYTES } from "../../shared/base/bytes.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { ok } from "../../shared/base/result.ts";
import type { RaftStatus } from "../../shared/raft/types.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const [a, b, c] = ["a", "b", "c"].map(memberId) as [MemberId, MemberId, MemberId];

function statusOf(self: MemberId, known: { ids: readonly MemberId[]; commit: number }): RaftStatus {
  return {
    id: self,
    role: "follower",
    term: term(3),
    votedFor: null,
    incarnation: 0,
    leader: null,
    lastIndex: logIndex(known.commit),
    flushedIndex: logIndex(known.commit),
    commitIndex: logIndex(known.commit),
    configuration: {
      seats: known.ids.map((id) => ({ id, kind: "voter", incarnation: 0, context: NO_BYTES })),
    },
    isChangingConfiguration: false,
    transferTarget: null,
    progress: [],
    alarm: null,
  };
}

/** Member `a`, connected to `b` alone, which answers with the given JSON. */
function askingMember(own: RaftStatus, answer: unknown) {
  const admission = new Admission(a, [a, b], () => undefined);
  let admittedCount = 0;
  const forwarder = new Forwarder({
    clock: new VirtualClock(),
    serve: () => Promise.resolve(ok(null)),
    send: (to, message) => {
      if (message.type !== "forward-request") return false;
      const body = new TextEncoder().encode(JSON.stringify(answer));
      const reply = { type: "forward-reply", requestId: message.requestId, isOk: true, body };
      queueMicrotask(() => forwarder.onReply(to, { ...reply, type: "forward-reply" }));
      return true;
    },
  });
  const vouching = new Vouching({
    self: a,
    raftStatus: () => own,
    forwarder,
    admission,
    isConnected: (member) => member === b,
    onAdmitted: () => admittedCount++,
  });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { admission, vouching, settle, admittedCount: () => admittedCount };
}

describe("a member that was away", () => {
  const behind = statusOf(a, { ids: [a, b], commit: 5 });

  it("lets in whom a member ahead of it names", async () => {
    const { admission, vouching, settle, admittedCount } = askingMember(behind, {
      commitIndex: 9,
      ids: ["a", "b", "c"],
    });
    vouching.askWhenLeaderless();
    await settle();
    expect(admission.admits(c)).toBe(true);
    expect(admittedCount()).toBe(1);
  });

  it("does not believe a member that is not ahead of it", async () => {
    const { admission, vouching, settle } = askingMember(behind, {
      commitIndex: 5,
      ids: ["a", "b", "c"],
    });
    vouching.askWhenLeaderless();
    await settle();
    expect(admission.admits(c)).toBe(false);
  });

  it("asks nobody while it hears a leader", async () => {
    const { admission, vouching, settle } = askingMember(
      { ...behind, leader: b },
      { commitIndex: 9, ids: ["a", "b", "c"] },
    );
    vouching.askWhenLeaderless();
    await settle();
    expect(admission.admits(c)).toBe(false);
  });

  it.each([null, 7, {}, { commitIndex: "9", ids: ["c"] }, { commitIndex: 9, ids: [" "] }])(
    "changes nothing for an answer that is none: %j",
    async (answer) => {
      const { admission, vouching, settle } = askingMember(behind, answer);
      vouching.askWhenLeaderless();
      await settle();
      expect(admission.members()).toEqual(["a", "b"]);
    },
  );
});

it("a member does not vouch with a configuration that may still be undone", () => {
  const changing = { ...statusOf(a, { ids: [a, b], commit: 5 }), isChangingConfiguration: true };
  expect(askingMember(changing, null).vouching.answer().ok).toBe(false);
});
