/** Invitations that do not hold: each is refused with one sentence, and nobody gets a seat. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { clusterId } from "../../shared/base/ids.ts";
import { formatInviteLink, parseInviteLink } from "../../electron/agent/pairing/invite-link.ts";
import type { InviteLink } from "../../electron/agent/pairing/invite-link.ts";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";
import { runCommand } from "../support/real-process.ts";
import type { CommandOutcome } from "../support/real-process.ts";
import { waitUntil } from "../support/wait-until.ts";
import { expectComplaint } from "./complaint.ts";

let cluster: RealCluster;
let founder: RealMember;
let newcomerCount = 0;

beforeAll(async () => {
  cluster = await RealCluster.create(1);
  founder = cluster.member(0);
});

afterAll(() => cluster.dispose());

afterEach(async () => {
  expect((await founder.must("status", {})).members).toHaveLength(1);
});

async function invite(expiresMs = 60_000): Promise<string> {
  return (await founder.must("invite", { role: "mirror", expiresMs })).link;
}

async function tryJoin(link: string): Promise<CommandOutcome> {
  const dataFolder = join(cluster.folder, `newcomer-${++newcomerCount}`);
  const outcome = await runCommand(["join", link, "--data", dataFolder]);
  expect(existsSync(join(dataFolder, "cluster.json"))).toBe(false);
  return outcome;
}

function changed(link: string, change: Partial<InviteLink>): string {
  const parsed = parseInviteLink(link);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return formatInviteLink({ ...parsed.value, ...change });
}

test("a text that is no invite link is a wrong usage", async () => {
  expectComplaint(await tryJoin("https://example.org/"), { exitCode: 2, says: /tidemark invite/ });
});

test("a link with a letter missing is refused before anybody is asked", async () => {
  const link = await invite();
  const cut = await tryJoin(link.slice(0, -1));
  expectComplaint(cut, { exitCode: 1, says: /incomplete or was changed/ });
});

test("a link with a wrong secret is refused by the inviter", async () => {
  const wrong = changed(await invite(), { secret: new Uint8Array(16).fill(7) });
  expectComplaint(await tryJoin(wrong), { exitCode: 1, says: /invite was refused/ });
});

test("an expired link is refused", async () => {
  const { link, expiresAt } = await founder.must("invite", { role: "mirror", expiresMs: 1_000 });
  await waitUntil("its end", () => Promise.resolve(Date.now() > Date.parse(expiresAt)));
  expectComplaint(await tryJoin(link), { exitCode: 1, says: /expired/ });
});

test("a link for another cluster at the same member is refused", async () => {
  const foreign = changed(await invite(), { clusterId: clusterId("0123456789abcdef".repeat(2)) });
  expectComplaint(await tryJoin(foreign), { exitCode: 1, says: /another (cluster|workspace)/ });
});

test("a link whose address is answered by a member of another cluster is refused by its key", async () => {
  const other = await RealCluster.create(1);
  try {
    const { link } = await other.member(0).must("invite", {});
    const theirs = parseInviteLink(link);
    if (!theirs.ok) throw new Error(theirs.error.detail);
    const misled = changed(await invite(), { addresses: theirs.value.addresses });
    expectComplaint(await tryJoin(misled), { exitCode: 1, says: /Another computer answers/ });
  } finally {
    await other.dispose();
  }
});

test("a link to a computer that does not run ends with a sentence", async () => {
  const dead = changed(await invite(), { addresses: ["127.0.0.1:1"] });
  expectComplaint(await tryJoin(dead), { exitCode: 1, says: /127\.0\.0\.1:1/ });
});

test("a link is good for one computer, and a folder for one cluster", async () => {
  const link = await invite();
  const first = join(cluster.folder, "first");
  expect(await runCommand(["join", link, "--data", first])).toMatchObject({ exitCode: 0 });
  expectComplaint(await tryJoin(link), { exitCode: 1, says: /used/ });
  const twice = await runCommand(["join", await invite(), "--data", first]);
  expectComplaint(twice, { exitCode: 1, says: /belongs to the workspace "Clinic" already/ });
  const members = (await founder.must("status", {})).members;
  const joined = members.find(({ isSelf }) => !isSelf);
  await founder.must("removeMember", { member: joined?.id ?? "" });
});
