/** The commands that run or prepare an agent themselves, instead of talking to one. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StartOptions } from "../../electron/cli/starters.ts";
import { err, ok } from "../../shared/base/result.ts";
import { Computer, type Member } from "./fixture.ts";

let computer: Computer;
let member: Member;

beforeEach(async () => {
  computer = await Computer.start();
  member = await computer.addMember("desk");
  computer.env = { TIDEMARK_HOME: member.folder };
});

afterEach(() => computer.close());

describe("commands that are the agent", () => {
  const free = () => join(computer.root, "new");

  it("serve tells that it is ready, waits, and leaves", async () => {
    const asked: StartOptions[] = [];
    let closed = 0;
    computer.isErrorTty = true;
    computer.starters = {
      startAgent: (options) => {
        asked.push(options);
        return Promise.resolve(
          ok({
            service: member.service,
            httpUrl: "http://127.0.0.1:5000",
            openUrl: "http://127.0.0.1:5000/#token=ab",
            memberId: "m1",
            broken: new Promise<string>(() => undefined),
            close: () => Promise.resolve(void (closed += 1)),
          }),
        );
      },
    };
    const peers = ["--peer", "10.0.0.2:1", "--peer", "[fe80::1]:2"];
    const serving = computer.run("serve", "--data", free(), "--no-mdns", "--open", ...peers);
    await expect.poll(() => asked.length).toBe(1);
    expect(closed).toBe(0);
    computer.stop();
    const ran = await serving;
    expect(ran).toEqual({
      code: 0,
      out: "tidemark ready http=http://127.0.0.1:5000 member=m1\n",
      error: "Open http://127.0.0.1:5000/#token=ab\n",
    });
    expect(closed).toBe(1);
    expect(asked[0]).toMatchObject({ mdnsInterface: "none", peers: ["10.0.0.2:1", "[fe80::1]:2"] });
  });

  it("serve says why it cannot start", async () => {
    const message = "The port 7412 is used by another program.";
    computer.starters = {
      startAgent: () => Promise.resolve(err({ code: "port-in-use", message })),
    };
    expect(await computer.run("serve", "--data", free())).toEqual({
      code: 1,
      out: "",
      error: `tidemark: ${message}\n`,
    });
  });

  it("create and join prepare a folder where no agent runs", async () => {
    const asked: unknown[] = [];
    computer.starters = {
      createClusterIn: (options) => {
        asked.push(options);
        return Promise.resolve(ok({ clusterId: "c1", memberId: "m1" }));
      },
      joinClusterIn: (options) => {
        asked.push(options);
        return Promise.resolve(err({ code: "invite-invalid", message: "The invite has expired." }));
      },
    };
    const common = ["--data", free(), "--member-name", "van"];
    const created = await computer.run("create", "--name", "clinic", ...common);
    expect(created).toMatchObject({
      code: 0,
      out: expect.stringContaining("tidemark serve --data"),
    });
    const joined = await computer.run("join", "tidemark://join/x", ...common);
    expect(joined).toMatchObject({ code: 1, error: "tidemark: The invite has expired.\n" });
    expect(asked).toEqual([
      { dataFolder: free(), name: "clinic", memberName: "van", from: null },
      { dataFolder: free(), link: "tidemark://join/x", memberName: "van" },
    ]);
  });

  it("join --replace asks for the folder's content to be put aside, and not while an agent runs there", async () => {
    const asked: unknown[] = [];
    computer.starters = {
      joinClusterIn: (options) => {
        asked.push(options);
        return Promise.resolve(ok({ clusterId: "c1", clusterName: "clinic", memberId: "m1" }));
      },
    };
    const link = "tidemark://join/x";
    const joined = await computer.run("join", link, "--replace", "--data", free());
    expect(joined.code).toBe(0);
    expect(asked).toMatchObject([{ dataFolder: free(), link, isReplacing: true }]);
    const running = await computer.run("join", link, "--replace", "--data", member.folder);
    expect(running).toMatchObject({ code: 1, error: expect.stringContaining("stop the agent") });
    expect(asked).toHaveLength(1);
  });

  it("repair names the damaged places, what can be read and the next step, and changes nothing unasked", async () => {
    const asked: unknown[] = [];
    const found = { damage: ["log/1.seg, bytes 5 to 9: not what was stored"], readableUpTo: 7 };
    computer.starters = {
      repairIn: (options) => {
        asked.push(options);
        const state = options.isLossAccepted ? "repaired" : "damaged";
        const putAside = options.isLossAccepted ? "log-damaged-1" : null;
        return Promise.resolve(ok({ ...found, state, knownUpTo: 20, putAside } as const));
      },
    };
    const shown = await computer.run("repair", "--data", free());
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(
      /bytes 5 to 9[^]*up to 7 can be read; 20 were known[^]*--accept-loss/,
    );
    const done = await computer.run("repair", "--accept-loss", "--data", free());
    expect(done.out).toContain("kept in log-damaged-1");
    expect(asked).toMatchObject([{ isLossAccepted: false }, { isLossAccepted: true }]);
  });

  it("repair shows what the running agent knows, and accepts no loss under it", async () => {
    const shown = await computer.run("repair", "--data", member.folder);
    expect(shown).toMatchObject({ code: 0, out: "Nothing is known to be damaged.\n" });
    const refused = await computer.run("repair", "--accept-loss", "--data", member.folder);
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining("stop the agent") });
  });

  it("serve starts anew by itself when its agent says that it cannot go on", async () => {
    const reasons: ((reason: string) => void)[] = [];
    const asked: StartOptions[] = [];
    let closed = 0;
    computer.starters = {
      startAgent: (options) => {
        asked.push(options);
        const started = {
          service: member.service,
          httpUrl: "http://127.0.0.1:5000",
          openUrl: null,
          memberId: "m1",
          broken: new Promise<string>((resolve) => reasons.push(resolve)),
          close: () => Promise.resolve(void (closed += 1)),
        };
        return Promise.resolve(ok(started));
      },
    };
    const serving = computer.run("serve", "--data", free(), "--no-mdns");
    await expect.poll(() => asked.length).toBe(1);
    reasons[0]?.("a record went bad");
    await expect.poll(() => asked.length).toBe(2);
    expect(closed).toBe(1);
    expect(asked[1]).toEqual({ ...asked[0], http: "127.0.0.1:5000" });
    computer.stop();
    const ran = await serving;
    expect(ran).toMatchObject({ code: 0, error: "tidemark: starting anew: a record went bad\n" });
    expect(closed).toBe(2);
  });
});
