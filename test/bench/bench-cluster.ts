/**
 * The members a benchmark measures: processes of the built product, on loopback, each with a data
 * folder of its own. What is measured on them is not known here.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Status } from "../../shared/cluster/status.ts";
import { BenchMember, type MemberSetup } from "./bench-member.ts";

const TOGETHER_WAIT_MS = 120_000;
const POLL_MS = 5;

/** Three voters on this computer in a temporary folder that goes with them. */
export class BenchCluster {
  readonly folder: string;
  readonly members: BenchMember[] = [];
  readonly #setup: MemberSetup;

  private constructor(setup: MemberSetup, folder: string) {
    this.#setup = setup;
    this.folder = folder;
  }

  /** One member that is alone. */
  static async startAlone(setup: MemberSetup): Promise<BenchCluster> {
    const cluster = new BenchCluster(setup, await mkdtemp(join(tmpdir(), "tidemark-bench-")));
    try {
      await cluster.#found();
      return cluster;
    } catch (error) {
      await cluster.dispose();
      throw error;
    }
  }

  /** Creates, invites, joins, and waits until one leads and all are caught up. */
  static async start(setup: MemberSetup): Promise<BenchCluster> {
    const folder = await mkdtemp(join(tmpdir(), "tidemark-bench-"));
    const cluster = new BenchCluster(setup, folder);
    try {
      await cluster.#found();
      for (let i = 0; i < 2; i++) await (await cluster.join("voter")).start();
      await cluster.#threeVoters();
      return cluster;
    } catch (error) {
      await cluster.dispose();
      throw error;
    }
  }

  /** One more member, which does not run yet. */
  async join(role: "voter" | "mirror"): Promise<BenchMember> {
    const { leader } = await this.together();
    const member = this.#newMember();
    const link = (await leader.command("invite", "--role", role)).trim();
    await member.command("join", link, "--member-name", `member-${this.members.length}`);
    return member;
  }

  /** Waits until one of the running members leads and knows of none that is behind. */
  async together(): Promise<{ readonly leader: BenchMember; readonly status: Status }> {
    const deadlineMs = performance.now() + TOGETHER_WAIT_MS;
    while (performance.now() < deadlineMs) {
      for (const leader of this.members) {
        const status = await leader.status().catch(() => null);
        if (status !== null && isTogether(status)) return { leader, status };
      }
      await pause(POLL_MS);
    }
    throw new Error("the members did not come together in time");
  }

  /** The leader and the others. */
  async roles(): Promise<{
    readonly leader: BenchMember;
    readonly others: readonly BenchMember[];
  }> {
    const { leader } = await this.together();
    return { leader, others: this.members.filter((member) => member !== leader) };
  }

  /** Ends the members and removes their folders. */
  async dispose(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A newcomer is a mirror until it has caught up and got its vote. */
  async #threeVoters(): Promise<void> {
    const deadlineMs = performance.now() + TOGETHER_WAIT_MS;
    for (;;) {
      const { status } = await this.together();
      if (status.members.filter(({ seat }) => seat === "voter").length === 3) return;
      if (performance.now() > deadlineMs) throw new Error("the cluster has no three voters");
      await pause(POLL_MS);
    }
  }

  async #found(): Promise<void> {
    const founder = this.#newMember();
    await founder.command("create", "--name", "Bench", "--member-name", "member-1");
    await founder.start();
  }

  #newMember(): BenchMember {
    const place = this.members.length + 1;
    const member = new BenchMember(this.#setup, join(this.folder, `member-${place}`));
    this.members.push(member);
    return member;
  }
}

/** Waits until a member has applied everything up to an index. */
export async function waitApplied(member: BenchMember, index: number): Promise<void> {
  const deadlineMs = performance.now() + TOGETHER_WAIT_MS;
  while ((await member.status()).log.appliedIndex < index) {
    if (performance.now() > deadlineMs) throw new Error(`entry ${index} was not applied in time`);
    await pause(POLL_MS);
  }
}

/** Resolves after that time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

function isTogether(status: Status): boolean {
  if (status.role !== "leader" || !status.canWrite) return false;
  return status.members.every((member) => member.connected && member.lagEntries === 0);
}
