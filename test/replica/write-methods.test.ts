/** Forwarded writes: who is asked, under which name, and what is answered when the way to the leader is lost. */
import { describe, expect, it } from "vitest";
import type { ApiError } from "../../shared/api/methods.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import { FORWARD_BYTES_MAX } from "../../shared/protocol/limits.ts";
import type { RaftStatus } from "../../shared/raft/types.ts";
import type { Forwarder } from "../../electron/agent/replica/forwarder.ts";
import type { Leadership } from "../../electron/agent/replica/leadership.ts";
import type { ReplicaContext } from "../../electron/agent/replica/replica-context.ts";
import { WriteMethods } from "../../electron/agent/replica/write-methods.ts";
import type { WriteRequest } from "../../electron/agent/replica/write-queue.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const SELF = memberId("n2");
const LEADER = memberId("n1");
const INSERT = { statements: [{ sql: "INSERT INTO t VALUES (1)" }] };
const DONE = { term: term(3), index: logIndex(7), results: [{ changes: 1, lastInsertRowid: 1 }] };

type Asked = { readonly to: MemberId; readonly method: string; readonly params: unknown };

/** One that does not lead, unless the test says so; the leader answers what the test has lined up. */
class Member {
  readonly clock = new VirtualClock();
  isForwarding = true;
  role: "leader" | "follower" = "follower";
  leader: MemberId | null = LEADER;
  readonly answers: Result<unknown, ApiError>[] = [];
  readonly asked: Asked[] = [];
  readonly submitted: WriteRequest[] = [];
  localError: ApiError | null = { code: "not-leader", message: "n1 leads" };
  results: unknown[] = [{ changes: 1, lastInsertRowid: 1 }];
  readonly writes = new WriteMethods({
    context: {
      self: SELF,
      nameOf: (id: MemberId) => `name of ${id}`,
      ports: {
        clock: this.clock,
        random: { rng: seededRng(1), bytes: (n: number) => new Uint8Array(n) },
      },
    } as unknown as ReplicaContext,
    leadership: {
      waitForLeader: () => Promise.resolve(this.leader),
      submit: (request: WriteRequest) => {
        this.submitted.push(request);
        const position = { term: DONE.term, index: DONE.index };
        return Promise.resolve(
          this.localError === null ? ok({ position, results: this.results }) : err(this.localError),
        );
      },
    } as unknown as Leadership,
    forwarder: {
      ask: (to: MemberId, { method, params }: Asked) => {
        this.asked.push({ to, method, params });
        return Promise.resolve(this.answers.shift() ?? ok(DONE));
      },
    } as unknown as Forwarder,
    raftStatus: () => ({ role: this.role, leader: this.leader }) as RaftStatus,
    isForwarding: () => this.isForwarding,
  });

  /** Lets time pass until the write is answered. */
  async execute(params: Parameters<WriteMethods["execute"]>[0] = INSERT) {
    let answer: Awaited<ReturnType<WriteMethods["execute"]>> | null = null;
    void this.writes.execute(params).then((given) => (answer = given));
    for (let i = 0; i < 2_000 && answer === null; i++) {
      await new Promise((resume) => setImmediate(resume));
      this.clock.advanceTo(this.clock.nowMs() + 25);
    }
    return answer as Awaited<ReturnType<WriteMethods["execute"]>> | null;
  }

  get names(): unknown[] {
    return this.asked.map(({ params }) => {
      const { clientId, sequence } = params as { clientId: string; sequence: number };
      return [clientId, sequence];
    });
  }
}

function failure(code: ApiError["code"]): Result<never, ApiError> {
  return err({ code, message: code });
}

describe("a write where this member does not lead", () => {
  it("is refused with the leader's name unless the workspace forwards", async () => {
    const member = new Member();
    member.isForwarding = false;
    expect(await member.execute()).toMatchObject({ ok: false, error: { code: "not-leader" } });
    expect(member.asked).toEqual([]);
  });

  it("is handed to the leader, under a name of its own", async () => {
    const member = new Member();
    expect(await member.execute()).toEqual(ok(DONE));
    expect(await member.execute()).toEqual(ok(DONE));
    expect(member.asked.map(({ to, method }) => [to, method])).toEqual([
      [LEADER, "execute"],
      [LEADER, "execute"],
    ]);
    expect(member.asked[0]?.params).toMatchObject(INSERT);
    expect(member.names).toEqual([
      ["forward-0000000000000000-1", 1],
      ["forward-0000000000000000-1", 2],
    ]);
  });

  it("keeps the caller's name and number", async () => {
    const member = new Member();
    await member.execute({ ...INSERT, clientId: "desk", sequence: 9 });
    expect(member.names).toEqual([["desk", 9]]);
  });

  it("is repeated under the same name until somebody knows", async () => {
    const member = new Member();
    member.answers.push(failure("unknown-outcome"), failure("not-leader"), failure("unreachable"));
    expect(await member.execute()).toEqual(ok(DONE));
    expect(new Set(member.names.map(String)).size).toBe(1);
    expect(member.asked.length).toBe(4);
  });

  it("that nobody may ever know of is said to be open, and its name is not used again", async () => {
    const member = new Member();
    member.answers.push(failure("unknown-outcome"));
    for (let i = 0; i < 1_000; i++) member.answers.push(failure("not-leader"));
    expect(await member.execute()).toMatchObject({ error: { code: "unknown-outcome" } });
    member.answers.length = 0;
    member.asked.length = 0;
    await member.execute();
    expect(member.names).toEqual([["forward-0000000000000000-2", 1]]);
  });

  it("has the leader's own refusal as its answer, at once", async () => {
    const member = new Member();
    member.answers.push(failure("constraint"));
    expect(await member.execute()).toMatchObject({ error: { code: "constraint" } });
    expect(member.asked.length).toBe(1);
  });

  it("does not wait for more than one election", async () => {
    const member = new Member();
    member.leader = null;
    member.localError = { code: "no-quorum", message: "nobody leads" };
    expect(await member.execute()).toMatchObject({ error: { code: "no-quorum" } });
    expect(member.submitted.length).toBe(1);
  });

  it("is taken here when this member was elected meanwhile, under the same name", async () => {
    const member = new Member();
    member.answers.push(failure("unknown-outcome"));
    member.localError = null;
    const answered = member.writes.execute(INSERT);
    await new Promise((resume) => setImmediate(resume));
    member.role = "leader";
    member.clock.advanceTo(100);
    expect(await answered).toEqual(ok(DONE));
    const [clientId, sequence] = member.names[0] as [string, number];
    expect(member.submitted[0]?.capture.client).toEqual({ id: clientId, sequence });
  });

  it("that is larger than a frame is refused before anything is sent", async () => {
    const member = new Member();
    const params = ["x".repeat(FORWARD_BYTES_MAX)];
    const answer = await member.execute({
      statements: [{ sql: "INSERT INTO t VALUES (?)", params }],
    });
    expect(answer).toMatchObject({ ok: false, error: { code: "too-large" } });
    expect(member.asked).toEqual([]);
  });
});

describe("a leader that is handed a write", () => {
  const write = { ...INSERT, clientId: "forward-1", sequence: 1 };

  it("takes it in the name of the member that asks", async () => {
    const member = new Member();
    member.localError = null;
    expect(await member.writes.serve(LEADER, "execute", write)).toEqual(ok(DONE));
    expect(member.submitted[0]?.capture).toMatchObject({
      author: "name of n1",
      client: { id: "forward-1", sequence: 1 },
      isInternal: false,
    });
  });

  it("refuses what is no write before the store sees it", async () => {
    const member = new Member();
    member.localError = null;
    for (const [method, params] of [
      ["execute", { ...write, statements: [{ sql: 7 }] }],
      ["execute", null],
      ["insertRows", { ...write }],
      ["insertRows", { table: "t", columns: ["a"], rows: [[1, 2]] }],
    ] as const) {
      const answer = await member.writes.serve(LEADER, method, params);
      expect(answer).toMatchObject({ ok: false, error: { code: "bad-request" } });
    }
    expect(member.submitted).toEqual([]);
  });

  it("refuses it where the workspace does not forward", async () => {
    const member = new Member();
    member.isForwarding = false;
    member.localError = null;
    const answer = await member.writes.serve(LEADER, "execute", write);
    expect(answer).toMatchObject({ ok: false, error: { code: "not-leader" } });
    expect(member.submitted).toEqual([]);
  });

  it("says that it was done when the result does not fit into an answer", async () => {
    const member = new Member();
    member.localError = null;
    const rows = [["x".repeat(FORWARD_BYTES_MAX)]];
    member.results = [{ changes: 1, lastInsertRowid: 1, columns: ["a"], rows }];
    const answer = await member.writes.serve(LEADER, "execute", write);
    expect(answer).toMatchObject({ ok: false, error: { code: "too-large" } });
    expect((answer as { error: ApiError }).error.message).toContain("The edit was made (3:7)");
  });
});
