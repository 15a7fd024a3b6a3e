import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { err } from "../../shared/base/result.ts";
import { Computer, type Member } from "./fixture.ts";

let computer: Computer;
let member: Member;

beforeEach(async () => {
  computer = await Computer.start();
  member = await computer.addMember("a");
});

afterEach(() => computer.close());

function run(...args: string[]) {
  return computer.run("verify", ...args, "--data", member.folder);
}

describe("tidemark verify", () => {
  it("calls a copy identical to the leader only where the leader was compared", async () => {
    expect((await run()).out).toContain("Identical to the leader at 1.");
    member.service.copy.comparedWith = "own-log";
    const { out, code } = await run();
    expect(code).toBe(0);
    expect(out).not.toContain("Identical");
    expect(out).toContain("NOT compared with another computer: the leader was not heard");
    expect((await run("--rows")).out).toContain("NOT compared with another computer");
  });

  it("exits with 1 when the rows are not what the log says, and tells what names them", async () => {
    member.service.copy.finding = "rows-differ";
    const { code, error } = await run();
    expect(code).toBe(1);
    expect(error).toContain("NOT what it should be; see: tidemark verify --rows");
  });

  it("--rows names each row with what is here and what should be, and counts the rest", async () => {
    member.service.copy.finding = "rows-differ";
    const { code, out, error } = await run("--rows");
    expect(code).toBe(1);
    expect(out).toMatch(/^patients +1 +0 +1$/m);
    expect(out).toMatch(/^readings +0 +240 +0$/m);
    expect(out).toContain(
      "patients: name='Eve', should be name='Ada'  in the row id=7, born=1815\n",
    );
    expect(out).toContain("patients: missing here: id=8, name='Grace', born=1906\n");
    expect(out).toContain("readings: should not be here: rowid=1, value=x'00ff'\n");
    expect(out).toContain("next number of patients: after 70 here, should be after 12\n");
    expect(out).toContain("and 239 more\n");
    expect(error).toContain("tidemark verify --repair");
    expect(member.service.copy.repairCount).toBe(0);
    const { differences } = JSON.parse((await run("--rows", "--json")).out);
    expect(differences.tables).toHaveLength(2);
  });

  it("does not let a value steer the terminal", async () => {
    const { copy } = member.service;
    copy.finding = "tables-differ";
    copy.differences = {
      ...copy.differences,
      objects: [
        { type: "view", name: "v\u001b[2J", here: null, should: "CREATE VIEW v AS SELECT 1" },
      ],
      rows: [
        {
          table: "t\u001b[2J",
          operation: "insert",
          columns: ["a\u0007"],
          before: null,
          after: ["\u001b[2J"],
        },
      ],
    };
    const { out } = await run("--rows");
    expect(out).not.toMatch(/[\u001b\u0007]/);
    expect(out).toContain("view v\\x1b[2J: missing here");
  });

  it.each([
    ["log-differs", "the leader has another checksum"],
    ["no-proof", "no image that is kept here leads to what it says"],
  ] as const)(
    "of %s says that only a new copy helps, and repairs nothing",
    async (finding, told) => {
      member.service.copy.finding = finding;
      for (const options of [["--rows"], ["--repair", "--yes"]]) {
        const { code, error } = await run(...options);
        expect(code).toBe(1);
        expect(error).toContain(told);
        expect(error).toContain("Only a new copy");
      }
      expect(member.service.copy.repairCount).toBe(0);
    },
  );
});

describe("tidemark verify --repair", () => {
  beforeEach(() => {
    member.service.copy.finding = "rows-differ";
  });

  it("lists, asks, and repairs nothing unless the answer is yes", async () => {
    for (const [answer, code] of [
      ["no", 1],
      ["", 1],
      [null, 2],
    ] as const) {
      computer.answer = answer;
      const ran = await run("--repair");
      expect(ran.code).toBe(code);
      expect(ran.out).toContain("name='Eve'");
      expect(ran.error).toContain("nothing was changed");
    }
    expect(member.service.copy.repairCount).toBe(0);
  });

  it("repairs after a yes, or with --yes without asking, and says what the proof rests on", async () => {
    computer.answer = "yes";
    const asked = await run("--repair");
    expect(asked.code).toBe(0);
    expect(asked.error).toContain("Repair this copy?");
    expect(asked.out).toContain("Repaired at 18204: 242 rows and 1 counter put right.\n");
    expect(asked.out).toContain("Identical to the leader at 1.");
    member.service.copy.finding = "tables-differ";
    const unasked = await run("--repair", "--yes");
    expect(unasked.error).not.toContain("Repair this copy?");
    expect(unasked.out).toContain("the whole copy was made anew");
  });

  it("tells a leader what it means", async () => {
    member.service.overrides = { role: "leader" };
    expect((await run("--repair", "--yes")).error).toContain("This computer leads.");
    member.service.copy.finding = "rows-differ";
    member.service.overrides = { role: "follower" };
    expect((await run("--repair", "--yes")).error).not.toContain("This computer leads.");
  });

  it("says when it was rolled back, or could not be done", async () => {
    member.service.copy.outcome = "is-rolled-back";
    const rolledBack = await run("--repair", "--yes");
    expect(rolledBack.code).toBe(1);
    expect(rolledBack.error).toContain("it was rolled back; nothing was changed");
    const { service } = member;
    const call = service.call.bind(service);
    service.call = (method, params) =>
      method === "repairCopy"
        ? Promise.resolve(err({ code: "busy", message: "Try again." }))
        : call(method, params);
    expect(await run("--repair", "--yes")).toMatchObject({ code: 1 });
  });

  it("has nothing to do on a copy that is sound, and refuses --yes alone", async () => {
    member.service.copy.finding = "sound";
    expect((await run("--repair")).code).toBe(0);
    expect(member.service.copy.repairCount).toBe(0);
    expect((await run("--yes")).code).toBe(2);
  });

  it("prints one JSON value", async () => {
    const { out } = await run("--repair", "--yes", "--json");
    expect(JSON.parse(out)).toMatchObject({ done: "rows", verification: { isIdentical: true } });
  });
});
