import { describe, expect, it } from "vitest";
import type { Applier } from "../../electron/agent/replica/applier.ts";
import type { RaftDriver } from "../../electron/agent/replica/raft-driver.ts";
import { StorageState } from "../../electron/agent/replica/storage-state.ts";
import type { StoreRecovery } from "../../electron/agent/replica/store-recovery.ts";
import { Troubles } from "../../electron/agent/replica/troubles.ts";
import { logIndex, memberId } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { RaftStatus } from "../../shared/raft/types.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const SILENT = { info: () => undefined, warn: () => undefined };
const [A, B] = [memberId("a"), memberId("b")];
const OWN = "own";

/** A member in trouble, with what it asks for answered by the test. */
class Member {
  readonly steps: string[] = [];
  readonly clock = new VirtualClock();
  readonly storage = new StorageState("/data");
  role: RaftStatus["role"] = "follower";
  hasSuccessor = true;
  isSound = true;
  told = new Map<MemberId, string | null>();
  askedCount = 0;
  mayStartOver = true;
  /** What happens while the database is made again. */
  onRebuild: () => void = () => undefined;
  #end: () => void = () => undefined;
  readonly applier = {
    isReadable: true,
    position: { applied: { index: logIndex(9) } },
    checksumAt: () => OWN,
    reached: () => {
      const done = new Promise<void>((resolve) => (this.#end = resolve));
      void Promise.resolve().then(() => {
        this.onRebuild();
        this.#end();
      });
      return { done, cancel: () => this.#end() };
    },
  };
  readonly troubles = new Troubles({
    clock: this.clock,
    logger: SILENT,
    storage: this.storage,
    recovery: {
      run: () => {
        this.steps.push("rebuild");
        return Promise.resolve();
      },
    } as unknown as StoreRecovery,
    applier: this.applier as unknown as Applier,
    driver: { input: () => this.steps.push("step down") } as unknown as RaftDriver,
    raftStatus: () => ({ role: this.role }) as RaftStatus,
    connected: () => [...this.told.keys()],
    checksumOf: (member) => {
      this.askedCount++;
      return Promise.resolve(this.told.get(member) ?? null);
    },
    isOwnDataSound: () => Promise.resolve(this.isSound),
    beginHandOver: () => {
      if (this.hasSuccessor) this.steps.push("hand over");
      return this.hasSuccessor;
    },
    startOver: () => {
      this.steps.push("start over");
      return Promise.resolve(this.mayStartOver);
    },
    electionMs: 1_000,
    onChange: () => undefined,
  });

  async mismatch(): Promise<void> {
    this.troubles.onMismatch(A, logIndex(9));
    await this.settled();
  }

  async settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

describe("Troubles", () => {
  it("lets another voter lead when the disk of the leader fails, and steps down if none took over", () => {
    const member = new Member();
    member.role = "leader";
    member.troubles.onDiskError({ code: "storage-failed", detail: "EIO" });
    expect(member.steps).toEqual(["hand over"]);
    expect(member.storage.shown.state).toBe("failed");
    member.clock.advanceTo(1_000);
    expect(member.steps).toEqual(["hand over", "step down"]);
  });

  it("steps down at once when nobody can take over", () => {
    const member = new Member();
    member.role = "leader";
    member.hasSuccessor = false;
    member.troubles.onDiskError({ code: "storage-full", detail: "ENOSPC" });
    expect(member.steps).toEqual(["step down"]);
  });

  it("builds a database that differs again from the log, and is well when it fits then", async () => {
    const member = new Member();
    member.troubles.onDiverged("before image of row 3");
    expect(member.storage.shown).toMatchObject({
      state: "diverged",
      detail: "before image of row 3",
    });
    await member.settled();
    expect(member.steps).toEqual(["step down", "rebuild"]);
    expect(member.storage.isOk).toBe(true);
  });

  it("begins anew from the others when they agree with each other and not with it", async () => {
    const member = new Member();
    member.told = new Map([
      [A, "theirs"],
      [B, "theirs"],
    ]);
    await member.mismatch();
    expect(member.steps).not.toContain("start over");
    await member.mismatch();
    expect(member.steps.at(-1)).toBe("start over");
  });

  it("replaces nothing while another member has the same as it", async () => {
    const member = new Member();
    member.told = new Map([
      [A, "theirs"],
      [B, OWN],
    ]);
    await member.mismatch();
    await member.mismatch();
    expect(member.steps).not.toContain("start over");
    expect(member.storage.isOk).toBe(true);
  });

  it("replaces nothing of two computers that differ, and says that nobody can tell", async () => {
    const member = new Member();
    member.told = new Map([[A, "theirs"]]);
    await member.mismatch();
    await member.mismatch();
    expect(member.steps).not.toContain("start over");
    expect(member.storage.shown).toMatchObject({ state: "diverged" });
    expect(member.storage.shown.detail).toContain("nobody can tell");
  });

  it("begins anew when the log does not fit to its own snapshot, and says so when it may not", async () => {
    const member = new Member();
    member.told = new Map([[A, null]]);
    member.mayStartOver = false;
    member.onRebuild = () => member.troubles.onDiverged("before image of row 4");
    member.troubles.onDiverged("before image of row 3");
    await member.settled();
    expect(member.steps.filter((step) => step === "start over")).toHaveLength(1);
    expect(member.storage.shown.state).toBe("diverged");
  });

  it("replaces nothing while the others differ from each other, too", async () => {
    const member = new Member();
    member.told = new Map([
      [A, "theirs"],
      [B, "another"],
    ]);
    await member.mismatch();
    await member.mismatch();
    expect(member.steps).not.toContain("start over");
    expect(member.storage.shown.detail).toContain("nobody can tell");
  });

  it("does not give up what it has while nobody is there to fetch it from", async () => {
    const member = new Member();
    member.onRebuild = () => member.troubles.onDiverged("before image of row 4");
    member.troubles.onDiverged("before image of row 3");
    await member.settled();
    expect(member.steps).not.toContain("start over");
    expect(member.storage.shown.state).toBe("diverged");
  });

  it("asks nobody about a database that is still being filled", async () => {
    const member = new Member();
    member.applier.isReadable = false;
    await member.mismatch();
    expect(member.steps).toEqual([]);
    expect(member.storage.isOk).toBe(true);
  });

  it("is not called well by a rebuild that has not come to its end", async () => {
    const member = new Member();
    member.onRebuild = () => (member.applier.isReadable = false);
    member.troubles.onDiverged("before image of row 3");
    await member.settled();
    expect(member.storage.shown.state).toBe("diverged");
  });

  it("goes on leading when the disk has room again before anybody took over", () => {
    const member = new Member();
    member.role = "leader";
    member.troubles.onDiskError({ code: "storage-full", detail: "ENOSPC" });
    member.storage.recovered();
    member.clock.advanceTo(1_000);
    expect(member.steps).toEqual(["hand over"]);
  });

  it("does not look again soon, however often it is told of the difference", async () => {
    const member = new Member();
    member.told = new Map([[A, OWN]]);
    for (let beat = 0; beat < 50; beat++) await member.mismatch();
    expect(member.steps.filter((step) => step === "rebuild")).toHaveLength(1);
    expect(member.askedCount).toBe(1);
    member.clock.advanceTo(60_000);
    await member.mismatch();
    expect(member.askedCount).toBe(2);
  });

  it("does not ask to begin anew at every beat when it may not", async () => {
    const member = new Member();
    member.mayStartOver = false;
    member.told = new Map([
      [A, "theirs"],
      [B, "theirs"],
    ]);
    for (let beat = 0; beat < 50; beat++) await member.mismatch();
    expect(member.steps.filter((step) => step === "start over")).toHaveLength(1);
  });

  it("compares nothing while its database is made again", async () => {
    const member = new Member();
    member.told = new Map([
      [A, "theirs"],
      [B, "theirs"],
    ]);
    member.onRebuild = () => member.troubles.onMismatch(A, logIndex(9));
    member.troubles.onDiverged("before image of row 3");
    await member.settled();
    expect(member.askedCount).toBe(0);
    expect(member.storage.isOk).toBe(true);
  });

  it("as the leader looks at its own rows first, and hands over when they are wrong", async () => {
    const sound = new Member();
    sound.role = "leader";
    await sound.mismatch();
    expect(sound.steps).toEqual([]);
    const wrong = new Member();
    wrong.role = "leader";
    wrong.isSound = false;
    await wrong.mismatch();
    expect(wrong.steps).toEqual(["hand over", "rebuild"]);
  });

  it("whose rows were repaired is well, and looks again at the next difference", async () => {
    const member = new Member();
    member.told = new Map([[A, "theirs"]]);
    await member.mismatch();
    await member.mismatch();
    expect(member.storage.shown.state).toBe("diverged");
    member.troubles.onRepaired();
    expect(member.storage.isOk).toBe(true);
    await member.mismatch();
    expect(member.storage.shown.state).toBe("diverged");
  });
});
