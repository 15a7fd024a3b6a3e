/**
 * A cluster of real processes on real disks, on loopback only. Members find each other as they
 * do in the product: by invite, by mDNS on 127.0.0.1 and by remembered addresses; every start
 * takes new ports.
 *
 * Waiting is always for a condition, never for a time. Whoever makes a cluster disposes of it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { voterTarget } from "../../electron/agent/members/autopilot.ts";
import { RealMember } from "./real-member.ts";
import { runCommand } from "./real-process.ts";
import { waitUntil } from "./wait-until.ts";

const NAMES = ["Reception", "Office", "Workshop", "Harbour", "Attic"] as const;

/** A checksum of a member's rows and the place in the log it belongs to. */
export type Verified = { readonly index: number; readonly recomputed: string };

/** Some members of one cluster. */
export class RealCluster {
  readonly folder: string;
  readonly members: RealMember[] = [];
  /** Those that were asked to vote when the cluster is large enough. */
  readonly #voters = new Set<RealMember>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** A running cluster whose voters are all connected and caught up. */
  static async create(count: number): Promise<RealCluster> {
    const cluster = new RealCluster(await mkdtemp(join(tmpdir(), "tidemark-cluster-")));
    try {
      const founder = cluster.plan();
      await succeed(["create", "--name", "Clinic", "--member-name", founder.name], founder);
      await founder.start();
      cluster.#voters.add(founder);
      while (cluster.members.length < count) await cluster.add("voter");
      await cluster.waitTogether();
      return cluster;
    } catch (cause) {
      await cluster.dispose();
      throw cause;
    }
  }

  /** No members yet: a test makes and joins them its own way, e.g. in their windows. */
  static async empty(): Promise<RealCluster> {
    return new RealCluster(await mkdtemp(join(tmpdir(), "tidemark-cluster-")));
  }

  /** Counts on a member that joined by itself to be asked to vote. */
  countOn(member: RealMember): void {
    this.#voters.add(member);
  }

  /** The next member, with a folder of its own and nothing in it. */
  plan(): RealMember {
    const place = this.members.length;
    const member = new RealMember(NAMES[place] ?? `Desk ${place}`, join(this.folder, `m${place}`));
    this.members.push(member);
    return member;
  }

  /** Invites, joins and starts one more member. */
  async add(role: "voter" | "mirror"): Promise<RealMember> {
    const leader = await this.leader();
    const { link } = await leader.must("invite", { role });
    const member = this.plan();
    await succeed(["join", link, "--member-name", member.name], member);
    await member.start();
    if (role === "voter") this.#voters.add(member);
    return member;
  }

  /** Ends a member and counts on it no more: it was removed. */
  async drop(member: RealMember): Promise<void> {
    await member.kill();
    this.#voters.delete(member);
  }

  /** Who says of itself that it leads and takes writes. */
  leader(): Promise<RealMember> {
    return waitUntil("a member that leads", async () => {
      for (const member of this.running()) {
        const status = await member.status();
        if (status?.role === "leader" && status.canWrite) return member;
      }
      return null;
    });
  }

  /** Everybody that runs but the leader. */
  async followers(): Promise<readonly RealMember[]> {
    const leader = await this.leader();
    return this.running().filter((member) => member !== leader);
  }

  /** A member by its place. */
  member(place: number): RealMember {
    const member = this.members[place];
    if (member === undefined) throw new Error(`there is no member ${place}`);
    return member;
  }

  /** The members whose process runs. */
  running(): readonly RealMember[] {
    return this.members.filter((member) => member.isRunning);
  }

  /**
   * Waits until the leader sees everybody that runs connected and caught up, with as many voters
   * as a cluster of this size has.
   *
   * @returns the leader.
   */
  waitTogether(): Promise<RealMember> {
    const isTogether = async (): Promise<RealMember | false> => {
      const leader = await this.leader();
      const status = await leader.status();
      if (status?.role !== "leader") return false;
      const { members, log } = status;
      const voterCount = members.filter(({ seat }) => seat === "voter").length;
      // The last entry, not the commit index: just after an election the latter may be of before.
      const areHere = this.running().every(({ name }) => {
        const seen = members.find((each) => each.name === name);
        return seen?.connected === true && (seen.applied ?? 0) >= log.lastIndex;
      });
      return areHere && voterCount === voterTarget(this.#voters.size) && leader;
    };
    return waitUntil("all running members connected and caught up", isTogether, 30_000);
  }

  /** Waits until everybody that runs has heard of the same leader, however much is written. */
  async waitConnected(): Promise<void> {
    await waitUntil("all running members follow one leader", async () => {
      const all = await Promise.all(this.running().map((member) => member.status()));
      const leaders = new Set(all.map((status) => status?.leader?.id ?? null));
      return leaders.size === 1 && !leaders.has(null);
    });
  }

  /** `verify` on everybody that runs, at one index. @returns what all agree on. Throws if not. */
  async verifyIdentical(): Promise<Verified> {
    await this.waitTogether();
    return waitUntil("all members at one index", async () => {
      const reports = await Promise.all(this.running().map((member) => member.must("verify", {})));
      const [first] = reports;
      if (first === undefined || reports.some(({ index }) => index !== first.index)) return null;
      for (const { isIdentical, recomputed } of reports) {
        if (isIdentical && recomputed === first.recomputed) continue;
        throw new Error(`members differ at ${first.index}: ${JSON.stringify(reports)}`);
      }
      return { index: first.index, recomputed: first.recomputed };
    });
  }

  /** Ends every process and removes every folder. */
  async dispose(): Promise<void> {
    for (const member of this.members) member.wake();
    await Promise.all(this.members.map((member) => member.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function succeed(args: readonly string[], member: RealMember): Promise<void> {
  const outcome = await runCommand([...args, "--data", member.dataFolder]);
  if (outcome.exitCode !== 0) throw new Error(`tidemark ${args[0] ?? ""}: ${outcome.error}`);
}
