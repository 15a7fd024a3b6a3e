/**
 * A cluster of real members under lock and key: each in a network namespace of its own, on a disk of
 * its own, with everything needed to harm it and to make it whole again.
 *
 * It knows how members are made, healed and compared. Who does what harm when is `faults.ts` and
 * `schedule.ts`; what clients see meanwhile is `workload.ts`.
 */
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { voterTarget } from "../../electron/agent/members/autopilot.ts";
import type { Status } from "../../shared/cluster/status.ts";
import { waitUntil } from "../support/wait-until.ts";
import { ChaosMember } from "./chaos-member.ts";
import { LabDisk } from "./lab-disk.ts";
import type { DiskKind, Losses } from "./lab-disk.ts";
import { isAlive, LabNetwork, reapNetworks } from "./lab-network.ts";
import { tryRun } from "./shell.ts";
import { compileSyncFaults, SyncSwitch } from "./sync-fault.ts";

const FOLDER_PREFIX = "tidemark-chaos-";
/** Long: members share two processors with whatever else runs on the machine. */
const IN_STEP_MS = 90_000;
const FRESH_MS = 30_000;

/** What a lab is made of. */
export type LabOptions = {
  /** Tells the labs of one run apart. */
  readonly lab: number;
  readonly memberCount: number;
  readonly disk: DiskKind;
  /** Where its folder is made; the system's temporary folder when null. */
  readonly parent: string | null;
};

/** What all members agree on after everything is healed. */
export type Agreed = { readonly index: number; readonly checksum: string; readonly term: number };

/** A member that a person had to bring back as a new one, and what it had said. */
export type StayedOut = { readonly member: string; readonly said: string };

/** See the top of the file. */
export class Lab {
  readonly folder: string;
  readonly network: LabNetwork;
  readonly members: readonly ChaosMember[];

  private constructor(folder: string, network: LabNetwork, members: readonly ChaosMember[]) {
    this.folder = folder;
    this.network = network;
    this.members = members;
  }

  /** A running cluster in which everybody votes. */
  static async create(options: LabOptions): Promise<Lab> {
    const parent = options.parent ?? tmpdir();
    await mkdir(parent, { recursive: true });
    const folder = await mkdtemp(join(parent, `${FOLDER_PREFIX}${process.pid}-${options.lab}-`));
    const network = await LabNetwork.create(options.lab, options.memberCount);
    const members: ChaosMember[] = [];
    const lab = new Lab(folder, network, members);
    try {
      const library = await compileSyncFaults(folder);
      for (let place = 0; place < options.memberCount; place++) {
        const disk = await LabDisk.create(options.disk, join(folder, `disk${place}`));
        const syncs = new SyncSwitch(library, folder, `member${place}`);
        const address = network.address(place);
        const inside = network.inside(place);
        const member = new ChaosMember({ place, address, inside, disk, syncs, folder });
        members.push(member);
        await member.openRelay();
      }
      await lab.#found();
      return lab;
    } catch (cause) {
      await lab.dispose(false);
      throw cause;
    }
  }

  /** A member by its place. */
  member(place: number): ChaosMember {
    const member = this.members[place];
    if (member === undefined) throw new Error(`there is no member ${place}`);
    return member;
  }

  /** The member of this name; null when nobody has it any more. */
  named(name: string): ChaosMember | null {
    return this.members.find((member) => member.name === name) ?? null;
  }

  /** Who says of itself that it leads and takes writes, in the newest term; asks once. */
  async leader(): Promise<{ readonly member: ChaosMember; readonly status: Status } | null> {
    const leaders = (await this.#statuses()).filter(
      ({ status }) => status.role === "leader" && status.canWrite,
    );
    return leaders.sort((a, b) => b.status.term - a.status.term)[0] ?? null;
  }

  /** The highest term anybody tells of. */
  async term(): Promise<number> {
    return Math.max(0, ...(await this.#statuses()).map(({ status }) => status.term));
  }

  /** Waits for a leader. */
  async waitLeader(): Promise<{ readonly member: ChaosMember; readonly status: Status }> {
    return waitUntil("a member that leads", () => this.leader(), IN_STEP_MS);
  }

  /**
   * Ends every harm: network, disks, frozen and dead processes. A member that says that its
   * storage failed is started again, as the message to its user asks.
   *
   * @returns those that refuse to start, with what they say.
   */
  async heal(): Promise<readonly StayedOut[]> {
    await this.network.heal();
    const outcomes = await Promise.all(this.members.map((member) => this.#healOne(member)));
    return outcomes.filter((outcome) => outcome !== null);
  }

  /** Everybody runs, is connected, votes as it should, and has applied the last entry. */
  async waitInStep(): Promise<Status> {
    return this.#waitApplied(null, true);
  }

  /** Everybody runs, is connected, and has applied what the leader's log held when this was asked. */
  async waitCaughtUp(): Promise<Status> {
    const { log } = (await this.waitLeader()).status;
    return this.#waitApplied(log.lastIndex, false);
  }

  /** The same, and everybody votes as it should. */
  async waitInStepUnderLoad(): Promise<Status> {
    const { log } = (await this.waitLeader()).status;
    return this.#waitApplied(log.lastIndex, true);
  }

  /** `verify` on everybody at one index. Throws when two differ, or one from its own log. */
  async verifyIdentical(): Promise<Agreed> {
    const { term } = await this.waitInStep();
    return waitUntil(
      "all members at one index",
      async () => {
        const reports = await Promise.all(this.members.map((each) => each.call("verify", {})));
        const values = reports.map((report) => (report.ok ? report.value : null));
        const [first] = values;
        if (first === null || first === undefined) return null;
        if (values.some((report) => report?.index !== first.index)) return null;
        for (const report of values) {
          if (report?.isIdentical === true && report.recomputed === first.recomputed) continue;
          throw new Error(`members differ at ${first.index}: ${JSON.stringify(values)}`);
        }
        return { index: first.index, checksum: first.recomputed, term };
      },
      IN_STEP_MS,
    );
  }

  /** Brings a member that is out back as a new one, as a person would: removed, wiped, invited. */
  async replace(member: ChaosMember, role: "voter" | "mirror" = "voter"): Promise<void> {
    await this.#removeSeat(member.name);
    await member.wipe();
    await this.#join(member, role);
    await member.start();
  }

  /** Waits until nobody but the present names has a seat, and everybody has one. */
  async restoreSeats(): Promise<void> {
    const { status } = await this.waitLeader();
    for (const { name } of status.members) {
      if (this.named(name) === null) await this.#removeSeat(name);
    }
    for (const member of this.members) {
      const seat = (await this.waitLeader()).status.members.find(
        ({ name }) => name === member.name,
      );
      if (seat === undefined) await this.replace(member);
    }
  }

  /** What power losses took on all disks; null where they take nothing. */
  async losses(): Promise<Losses | null> {
    const all = (await Promise.all(this.members.map((member) => member.disk.losses()))).filter(
      (each) => each !== null,
    );
    if (all.length === 0) return null;
    const sum = (of: (each: Losses) => number): number => all.reduce((n, each) => n + of(each), 0);
    return {
      crashes: sum(({ crashes }) => crashes),
      writes: sum(({ writes }) => writes),
      torn: sum(({ torn }) => torn),
      names: sum(({ names }) => names),
    };
  }

  /** What everybody says of itself, for a report. */
  async describe(): Promise<string> {
    const lines = this.members.map(async (member) => {
      const status = await member.status();
      if (status === null) {
        const state = member.isRunning ? "runs and does not answer" : "does not run";
        return `${member.name}: ${state}; it said: ${member.complaint.slice(-500)}`;
      }
      const { role, term, log, storage, members } = status;
      const seats = members.map(({ name, seat, connected, applied }) => {
        return `${name}=${seat}${connected ? "" : " away"}@${applied ?? "?"}`;
      });
      const place = `last ${log.lastIndex}, commit ${log.commitIndex}, applied ${log.appliedIndex}`;
      const own = `${role} (${status.member.seat ?? "no seat"}) of term ${term}, ${place}`;
      return `${member.name}: ${own}, storage ${storage.state}; sees ${seats.join(", ")}`;
    });
    return (await Promise.all(lines)).join("\n");
  }

  /** Ends every process, takes networks and disks away; the folder only if it is not kept. */
  async dispose(isKept: boolean): Promise<void> {
    await Promise.all(this.members.map((member) => member.endAll()));
    await this.network.dispose();
    await Promise.all(this.members.map((member) => member.disk.dispose(isKept)));
    if (!isKept) await rm(this.folder, { recursive: true, force: true });
  }

  async #found(): Promise<void> {
    const founder = this.member(0);
    await founder.command("create", "--name", "Chaos", "--member-name", founder.name);
    await founder.start();
    for (const member of this.members.slice(1)) {
      await this.#join(member, "voter");
      await member.start();
    }
    await this.waitInStep();
  }

  async #join(member: ChaosMember, role: "voter" | "mirror"): Promise<void> {
    const link = await waitUntil(
      "an invitation",
      async () => {
        const answer = await (await this.waitLeader()).member.call("invite", { role });
        return answer.ok && answer.value.link;
      },
      FRESH_MS,
    );
    await member.command("join", link, "--member-name", member.name);
  }

  async #removeSeat(name: string): Promise<void> {
    await waitUntil(
      `${name} removed`,
      async () => {
        const { member, status } = await this.waitLeader();
        if (!status.members.some((each) => each.name === name)) return true;
        // A leader that is to go hands over first, as its user would have to.
        if (member.name === name) await member.call("switchover", {});
        else await member.call("removeMember", { member: name });
        return false;
      },
      FRESH_MS,
    );
  }

  async #healOne(member: ChaosMember): Promise<StayedOut | null> {
    await member.syncs.set(null);
    await member.disk.empty();
    if (member.isFrozen) member.wake();
    if (member.isRunning && (await member.status())?.storage.state === "failed")
      await member.kill();
    if (member.isRunning) return null;
    const outcome = await member.tryStart();
    return outcome === null ? null : { member: member.name, said: outcome.error.trim() };
  }

  /** @param index What all must have applied; null: the leader's last entry. */
  async #waitApplied(index: number | null, isVoting: boolean): Promise<Status> {
    let asked: ChaosMember | null = null;
    const isFulfilled = (status: Status): boolean =>
      (!isVoting || this.#hasAllSeats(status)) &&
      this.#haveApplied(status, index ?? status.log.lastIndex);
    const ask = async (): Promise<Status | false> => {
      // Asking everybody again and again would be a load of its own; a leader of old finds out soon.
      const told = await asked?.status();
      if (told?.role === "leader" && !isFulfilled(told)) return false;
      const found = await this.leader();
      asked = found?.member ?? null;
      return found !== null && isFulfilled(found.status) && found.status;
    };
    try {
      return await waitUntil("all members in step", ask, IN_STEP_MS);
    } catch (cause) {
      throw new Error(`${String(cause)}\n${await this.describe()}`, { cause });
    }
  }

  #hasAllSeats({ members }: Status): boolean {
    const voterCount = members.filter(({ seat }) => seat === "voter").length;
    return members.length === this.members.length && voterCount === voterTarget(members.length);
  }

  #haveApplied({ members }: Status, index: number): boolean {
    return this.members.every(({ name }) => {
      const seen = members.find((each) => each.name === name);
      return seen?.connected === true && (seen.applied ?? 0) >= index;
    });
  }

  async #statuses(): Promise<readonly { readonly member: ChaosMember; readonly status: Status }[]> {
    const asked = this.members.map(async (member) => ({ member, status: await member.status() }));
    return (await Promise.all(asked)).flatMap(({ member, status }) =>
      status === null ? [] : [{ member, status }],
    );
  }
}

/**
 * Removes what runs that are gone left behind: processes, namespaces, mounts, folders.
 *
 * @param isOwnToo Whether this process is about to end and needs its own no more.
 */
export async function reapLeftovers(parent: string | null, isOwnToo = false): Promise<void> {
  const isGone = (runner: number): boolean =>
    runner === process.pid ? isOwnToo : !isAlive(runner);
  await reapNetworks(isGone);
  const root = parent ?? tmpdir();
  const names = await readdir(root).catch(() => []);
  for (const name of names) {
    const runner = new RegExp(`^${FOLDER_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (runner === undefined || !isGone(Number(runner))) continue;
    const folder = join(root, name);
    const mounts = (await readFile("/proc/mounts", "utf8")).split("\n");
    for (const mount of mounts) {
      const path = mount.split(" ")[1] ?? "";
      if (path.startsWith(`${folder}/`)) await tryRun("umount", ["-l", path]);
    }
    await rm(folder, { recursive: true, force: true });
  }
}
