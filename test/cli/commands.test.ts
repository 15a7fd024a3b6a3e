/** Every command against a running agent: what it prints, and its exit code. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseDuration } from "../../electron/cli/commands/cluster.ts";
import { isReading } from "../../electron/cli/sql-text.ts";
import { logIndex, memberId } from "../../shared/base/ids.ts";
import { Computer, type Member } from "./fixture.ts";

let computer: Computer;
let member: Member;

beforeEach(async () => {
  computer = await Computer.start();
  member = await computer.addMember("desk");
  computer.env = { TIDEMARK_HOME: member.folder };
});

afterEach(() => computer.close());

const notLeader = {
  code: "not-leader" as const,
  message: "This member does not lead.",
  leader: { id: memberId("m2"), name: "lab", address: "10.0.0.2:7412", http: null },
};

describe("finding the agent", () => {
  it("says how to start one where none runs", async () => {
    const ran = await computer.run("status", "--data", join(computer.root, "none"));
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.error).toMatch(/^tidemark: No agent runs for .*none; start it with: tidemark serve/);
  });

  it("does not mistake what a killed agent left behind for a running one", async () => {
    await writeFile(join(member.folder, "running.json"), '{"pid":1,"http":"http://127.0.0.1:9"');
    expect((await computer.run("status")).error).toContain("No agent runs");
    const stale = { pid: 1, http: "http://127.0.0.1:9", memberId: "m1" };
    await writeFile(join(member.folder, "running.json"), JSON.stringify(stale));
    expect((await computer.run("status")).error).toContain("No agent runs");
  });

  it("sends the token to no other computer, whatever running.json says", async () => {
    const foreign = { pid: 1, http: "http://203.0.113.9:80", memberId: "m1" };
    await writeFile(join(member.folder, "running.json"), JSON.stringify(foreign));
    expect((await computer.run("status")).error).toContain("No agent runs");
  });

  it("says that the token is wrong", async () => {
    await writeFile(join(member.folder, "api-token"), "0".repeat(64));
    expect(await computer.run("status")).toMatchObject({
      code: 1,
      error: expect.stringContaining("api-token"),
    });
  });
});

describe("usage", () => {
  it("is 2 for what the command line cannot mean, 0 for help", async () => {
    const wrong = [
      ["nonsense"],
      ["import", "x.csv"],
      ["import", "x.csv", "--table", "t", "--format", "xml"],
      ["export", "--table", "t", "--format", "xml"],
      ["sql", "SELECT ?", "--params", "{"],
      ["sql", "SELECT 1", "--read-level", "best"],
      ["invite", "--role", "king"],
      ["invite", "--expires", "soon"],
      ["log", "--count", "0"],
      ["settings", "set", "a"],
      ["join", "http://example.org"],
      ["serve", "--http", "8080"],
      ["status", "--surprise"],
    ];
    for (const args of wrong) {
      const ran = await computer.run(...args);
      expect([args, ran.code, ran.out]).toEqual([args, 2, ""]);
      expect(ran.error).not.toBe("");
    }
    expect(await computer.run("--help")).toMatchObject({ code: 0 });
    expect((await computer.run("--version")).out).toBe("0.1.0\n");
  });

  it("maps errors of the agent to exit codes", async () => {
    const codes = [
      ["no-quorum", 3],
      ["not-found", 4],
      ["storage-full", 1],
      ["sql-error", 1],
    ] as const;
    for (const [code, exitCode] of codes) {
      member.service.before = (method) =>
        method === "execute" ? { code, message: `Because of ${code}.` } : null;
      const ran = await computer.run("sql", "DELETE FROM t");
      expect(ran).toEqual({ code: exitCode, out: "", error: `tidemark: Because of ${code}.\n` });
    }
    member.service.before = (method) => (method === "execute" ? notLeader : null);
    expect(await computer.run("sql", "DELETE FROM t")).toEqual({
      code: 3,
      out: "",
      error: "tidemark: This member does not lead. The leader is lab (10.0.0.2:7412).\n",
    });
  });
});

describe("state", () => {
  it("shows who leads, what is where, and how far behind", async () => {
    const { code, out } = await computer.run("status");
    expect(code).toBe(0);
    expect(out).toMatch(/^cluster +clinic \(timeline 1\)$/m);
    expect(out).toMatch(/^position +3:1, committed 1$/m);
    expect(out).toContain("This member leads");
    expect(out).toMatch(/^desk \(here\) +m1 +voter +leader +1 +0 +0 ms +now +127\.0\.0\.1:7412/m);
    expect(JSON.parse((await computer.run("status", "--json")).out)).toEqual(
      member.service.status(),
    );
    const members = JSON.parse((await computer.run("members", "--json")).out);
    expect(members).toHaveLength(2);
    expect((await computer.run("lag")).out).toMatch(/^NAME +RECEIVED +FLUSHED +APPLIED/m);
  });

  it("does not say that a leader has everything before it has", async () => {
    expect((await computer.run("lag")).out).toContain("has all that it knows confirmed");
    const lag = { ...member.service.status().lag, ms: 2_000, asOf: "2026-01-01T10:00:00.000Z" };
    member.service.overrides = { role: "leader", lag };
    const { out } = await computer.run("lag");
    expect(out).toContain("has not applied all yet that may be confirmed");
    expect(out).toContain("as of 2026-01-01T10:00:00.000Z");
  });

  it("never calls a member up to date that does not hear its leader", async () => {
    const lag = {
      entries: 0,
      bytes: 0,
      ms: 0,
      asOf: "2026-11-22T12:00:00Z",
      leaderReachable: false,
    };
    member.service.overrides = { role: "follower", lag };
    const { out } = await computer.run("lag");
    expect(out).toContain(
      "As of 2026-11-22T12:00:00Z: up to date. The leader is unreachable since",
    );
    member.service.overrides = { role: "follower", lag: { ...lag, asOf: null, ms: null } };
    expect((await computer.run("lag")).out).toContain("is unknown");
  });

  it("does not let a name steer the terminal", async () => {
    member.service.overrides = {
      members: member.service.status().members.map((m) => ({ ...m, name: "\u001b[2Jevil" })),
    };
    const { out } = await computer.run("members");
    expect(out).not.toContain("\u001b");
    expect(out).toContain("\\x1b[2Jevil");
  });

  it("prints settings, one or all, and 4 for one that does not exist", async () => {
    expect((await computer.run("settings", "get")).out).toMatch(/^heartbeat-ms +100$/m);
    expect((await computer.run("settings", "get", "durability")).out).toBe("synchronous\n");
    expect((await computer.run("settings", "get", "toString")).code).toBe(4);
  });

  it("follows the log until the agent stops", async () => {
    const following = computer.run("log", "--follow", "--json");
    const countOf = (wanted: string) =>
      member.service.calls.filter(({ method }) => method === wanted).length;
    // Two by the command, and the one that greets its event stream.
    await expect.poll(() => countOf("status")).toBe(3);
    const range = { fromIndex: logIndex(2), toIndex: logIndex(2) };
    await member.service.call("execute", { statements: [{ sql: "CREATE TABLE t (a)" }] });
    member.service.emit({
      type: "committed",
      ...range,
      tables: ["t"],
      rowCount: 0,
      isSchemaChange: true,
    });
    await expect.poll(() => countOf("log")).toBe(2);
    await member.server.close();
    const { out } = await following;
    const printed = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).index);
    expect(printed).toEqual([1, 2]);
  });
});

describe("members", () => {
  it("are named by name, id or the beginning of an id", async () => {
    expect((await computer.run("switchover", "lab")).out).toBe("lab leads now; it took 12 ms.\n");
    expect((await computer.run("remove", "m2")).out).toBe("lab was removed.\n");
    expect(await computer.run("remove", "nobody")).toMatchObject({ code: 4 });
    expect(await computer.run("remove", "m")).toMatchObject({ code: 2 });
    const asked = member.service.calls.filter(({ method }) => method === "removeMember");
    expect(asked).toEqual([{ method: "removeMember", params: { member: "m2" } }]);
  });

  it("are invited with one link on stdout", async () => {
    const ran = await computer.run("invite", "--role", "mirror", "--expires", "10m");
    expect(ran.out).toBe("tidemark://join/abc\n");
    expect(member.service.calls.at(-1)?.params).toEqual({ role: "mirror", expiresMs: 600_000 });
    expect(["90s", "2h", "1d", "0m", "10", "m"].map(parseDuration)).toEqual([
      90_000,
      7_200_000,
      86_400_000,
      null,
      null,
      null,
    ]);
  });
});

describe("sql", () => {
  it("queries, changes, and takes several statements as one transaction", async () => {
    const made = await computer.run(
      "sql",
      "CREATE TABLE t (a, b)",
      "INSERT INTO t VALUES (1, 'x')",
    );
    expect(made).toMatchObject({ code: 0, out: "1 rows changed, at 3:2\n" });
    await computer.run("sql", "INSERT INTO t VALUES (?, ?)", "--params", "[2, null]");
    const queried = await computer.run("sql", "SELECT * FROM t ORDER BY a");
    expect(queried.out).toBe("a  b\n1  x\n2  NULL\n");
    expect(queried.error).toBe("2 rows, as of 3:3\n");
    const returned = await computer.run("sql", "DELETE FROM t WHERE a = 2 RETURNING a");
    expect(returned.out).toContain("a\n2\n");
  });

  it("sends to execute whatever may write", () => {
    const reading = [
      "select 1",
      "-- note\n /* x */ SELECT 1",
      "WITH x AS (SELECT 1) SELECT * FROM x",
      "EXPLAIN DELETE FROM t",
      "PRAGMA table_info(t)",
      "VALUES (1)",
      "WITH a AS (SELECT ')' FROM \"insert\") SELECT 1",
    ];
    const writing = [
      "INSERT INTO t SELECT 1",
      "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
      "WITH x(a) AS (VALUES (1)) DELETE FROM t",
      "REPLACE INTO t VALUES (1)",
      "DROP TABLE t",
    ];
    expect(reading.filter((sql) => !isReading(sql))).toEqual([]);
    expect(writing.filter((sql) => isReading(sql))).toEqual([]);
  });
});

describe("export and backup", () => {
  it("prints all pages of a table once, with their position on stderr", async () => {
    const many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 12001) ";
    await computer.run("sql", 'CREATE TABLE "odd ""name" (rowid TEXT, a)');
    await computer.run("sql", `${many} INSERT INTO "odd ""name" SELECT '=' || i, i FROM n`);
    const ran = await computer.run("export", "--table", 'odd "name', "--format", "csv");
    const lines = ran.out.split("\r\n");
    expect(lines.slice(0, 2)).toEqual(["rowid,a", "'=1,1"]);
    expect(lines.length).toBe(12_001 + 2);
    expect(ran.error).toBe('12,001 rows of odd "name, as of 3:3\n');
    const raw = await computer.run("export", "--table", 'ODD "NAME', "--raw");
    expect(raw.out).toContain("\r\n=12001,12001\r\n");
  });

  it("pages tables without rowid by their key, and views", async () => {
    const many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 6000) ";
    await computer.run(
      "sql",
      "CREATE TABLE k (v, b TEXT, a INT, PRIMARY KEY (a, b)) WITHOUT ROWID",
    );
    await computer.run("sql", `${many} INSERT INTO k SELECT i, i, i / 7 FROM n`);
    await computer.run("sql", "CREATE VIEW w AS SELECT v FROM k ORDER BY v");
    for (const table of ["k", "w"]) {
      const { out } = await computer.run("export", "--table", table, "--format", "json");
      const values = (JSON.parse(out) as { v: number }[]).map(({ v }) => v);
      expect(new Set(values).size).toBe(6_000);
      expect(values.length).toBe(6_000);
    }
    expect(await computer.run("export", "--table", "missing")).toMatchObject({ code: 4, out: "" });
    await computer.run("sql", "CREATE TABLE empty (a)");
    expect((await computer.run("export", "--table", "empty", "--format", "json")).out).toBe(
      "[\n]\n",
    );
  });

  it("has a backup made by its whole path, and says who made it and what it is equal to", async () => {
    const file = join(computer.root, "backup.db");
    const ran = await computer.run("backup", file);
    expect(ran).toMatchObject({ code: 0, error: "" });
    expect(ran.out).toBe(
      `${file}: 4.0 KiB, as of 3:1, made by Mirror, restored and equal to the leader's checksum\n`,
    );
    expect(JSON.parse((await computer.run("backup", file, "--json")).out)).toMatchObject({ file });
    const failed = await computer.run("backup", join(computer.root, "missing", "x.db"));
    expect(failed).toMatchObject({
      code: 1,
      error: expect.stringContaining("cannot be written"),
    });
    const keep = await computer.run("backups", "--keep", "1,2,3");
    expect(keep).toMatchObject({ code: 2, error: expect.stringContaining("four numbers") });
  });
});
