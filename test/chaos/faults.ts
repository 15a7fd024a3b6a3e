/**
 * Carries harm out on a lab, and takes it back. Several may be under way at once; two of them
 * never own the same member's process or disk at the same time.
 *
 * It knows what may go wrong for a good reason (a switchover that nobody accepts) and leaves the
 * judgement to those who compare the members and the history afterwards.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { randomBetween, randomChance, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { copyFolder } from "../support/copy-folder.ts";
import type { ChaosMember } from "./chaos-member.ts";
import { damage, MEMORY_FOLDERS } from "./damage.ts";
import type { Lab } from "./lab.ts";
import type { FaultStep, Victims } from "./schedule.ts";

/** Ends what was begun. */
export type EndFault = () => Promise<void>;

/** Tells what was really done: `kill m1.0`. */
export type FaultTeller = (what: string, victims: readonly ChaosMember[], detail: string) => void;

type Pair = readonly [listener: number, speaker: number];
type Begun = { readonly detail: string; readonly end: EndFault };

const NOTHING: EndFault = () => Promise.resolve();
const SLOW = { kilobitsMin: 64, kilobitsMax: 2_000, queueMs: 300 };

/** See the top of the file. */
export class Faults {
  readonly #lab: Lab;
  readonly #tell: FaultTeller;
  /** Members whose process or disk is in the hands of a fault. */
  readonly #held = new Set<ChaosMember>();
  readonly #cuts = new Set<readonly Pair[]>();

  constructor(lab: Lab, tell: FaultTeller) {
    this.#lab = lab;
    this.#tell = tell;
  }

  /** Begins one. @returns what ends it. */
  async begin(step: FaultStep): Promise<EndFault> {
    const rng = seededRng(step.salt);
    const victims = (await this.#choose(step.victims, rng)).filter(
      (member) => !this.#owns(step) || !this.#held.has(member),
    );
    if (victims.length === 0) {
      this.#tell(step.fault, victims, "nobody is free for it");
      return NOTHING;
    }
    if (this.#owns(step)) for (const member of victims) this.#held.add(member);
    const { detail, end } = await this.#carryOut(step, victims, rng);
    this.#tell(step.fault, victims, detail);
    return async () => {
      await end();
      for (const member of victims) this.#held.delete(member);
    };
  }

  /** Whether the fault needs its victims' process or disk for itself. */
  #owns({ fault }: FaultStep): boolean {
    return ![
      "isolate",
      "split",
      "one-way",
      "bridge",
      "link-down",
      "slow-link",
      "switchover",
    ].includes(fault);
  }

  #carryOut(step: FaultStep, victims: readonly ChaosMember[], rng: Rng): Promise<Begun> {
    switch (step.fault) {
      case "kill":
        return this.#kill(victims, NOTHING);
      case "power-loss":
        return this.#kill(victims, () => this.#losePower(victims, step.salt));
      case "damage":
        return this.#damage(victims, rng);
      case "wipe":
        return this.#kill(victims, () => this.#forget(victims));
      case "restore":
        return this.#restore(victims);
      case "pause":
        return this.#pause(victims);
      case "isolate":
      case "split":
      case "one-way":
      case "bridge":
        return this.#cut(cutOf(step.fault, this.#lab.members.length, places(victims), rng));
      case "link-down":
        return this.#unplug(victims);
      case "slow-link":
        return this.#slow(victims, rng);
      case "disk-full":
        return this.#fill(victims);
      case "sync-error":
      case "sync-stall":
        return this.#failSyncs(victims, step.fault === "sync-error" ? "error" : "stall");
      case "switchover":
        return this.#switchover(rng);
      case "replace":
      case "mirror":
        return this.#replace(victims, step.fault === "mirror");
    }
  }

  async #choose(victims: Victims, rng: Rng): Promise<readonly ChaosMember[]> {
    const { members } = this.#lab;
    const leader = (await this.#lab.leader())?.member ?? randomPick(rng, members);
    const minority = Math.floor((members.length - 1) / 2);
    switch (victims) {
      case "leader":
        return [leader];
      case "follower":
        return [
          randomPick(
            rng,
            members.filter((member) => member !== leader),
          ),
        ];
      case "anybody":
        return [randomPick(rng, members)];
      case "minority":
        return pick(members, minority, rng);
      case "majority":
        return pick(members, members.length - minority, rng);
      case "all":
        return members;
    }
  }

  async #kill(victims: readonly ChaosMember[], whileDead: EndFault): Promise<Begun> {
    await Promise.all(victims.map((member) => member.kill()));
    await whileDead();
    return {
      detail: "",
      // One that refuses to start is found, and asked why, when everything is healed.
      end: async () => void (await Promise.all(victims.map((member) => member.tryStart()))),
    };
  }

  async #losePower(victims: readonly ChaosMember[], seed: number): Promise<void> {
    for (const member of victims) await member.disk.losePower(seed);
  }

  async #damage(victims: readonly ChaosMember[], rng: Rng): Promise<Begun> {
    const done: string[] = [];
    const begun = await this.#kill(victims, async () => {
      for (const member of victims) {
        done.push(await damage(member.dataFolder, rng));
        await member.disk.settle();
      }
    });
    return { ...begun, detail: done.join(", ") };
  }

  /** The key and the name are still there; all that was promised under them is not. */
  async #forget(victims: readonly ChaosMember[]): Promise<void> {
    for (const { dataFolder, disk } of victims) {
      for (const folder of MEMORY_FOLDERS) {
        await rm(join(dataFolder, folder), { recursive: true, force: true });
      }
      await disk.settle();
    }
  }

  /** A copy of the whole data folder is taken now, and put back when the fault ends. */
  async #restore(victims: readonly ChaosMember[]): Promise<Begun> {
    const copyOf = ({ place }: ChaosMember): string => join(this.#lab.folder, `copy${place}`);
    for (const member of victims) {
      await member.kill();
      await copyFolder(member.dataFolder, copyOf(member));
      await member.tryStart();
    }
    const end = async (): Promise<void> => {
      for (const member of victims) {
        await member.kill();
        await rm(member.dataFolder, { recursive: true, force: true });
        await copyFolder(copyOf(member), member.dataFolder);
        await rm(copyOf(member), { recursive: true, force: true });
        await member.disk.settle();
        await member.tryStart();
      }
    };
    return { detail: "", end };
  }

  #pause(victims: readonly ChaosMember[]): Promise<Begun> {
    for (const member of victims) member.freeze();
    const end = (): Promise<void> => {
      for (const member of victims) member.wake();
      return Promise.resolve();
    };
    return Promise.resolve({ detail: "", end });
  }

  async #cut(pairs: readonly Pair[]): Promise<Begun> {
    this.#cuts.add(pairs);
    await this.#lab.network.cut([...this.#cuts].flat());
    return {
      detail: pairs.map(([listener, speaker]) => `${listener} deaf to ${speaker}`).join(", "),
      end: async () => {
        this.#cuts.delete(pairs);
        await this.#lab.network.cut([...this.#cuts].flat());
      },
    };
  }

  async #unplug(victims: readonly ChaosMember[]): Promise<Begun> {
    const { network } = this.#lab;
    const set = async (state: "up" | "down"): Promise<void> => {
      for (const { place } of victims) await network.setLink(place, state);
    };
    await set("down");
    return { detail: "", end: () => set("up") };
  }

  async #slow(victims: readonly ChaosMember[], rng: Rng): Promise<Begun> {
    const kilobitsPerSecond = randomBetween(rng, SLOW.kilobitsMin, SLOW.kilobitsMax);
    const { network } = this.#lab;
    for (const { place } of victims) {
      await network.setSpeed(place, { kilobitsPerSecond, queueMs: SLOW.queueMs });
    }
    return {
      detail: `${kilobitsPerSecond} kbit/s`,
      end: async () => {
        for (const { place } of victims) await network.setSpeed(place, null);
      },
    };
  }

  async #fill(victims: readonly ChaosMember[]): Promise<Begun> {
    for (const { disk } of victims) await disk.fill();
    return {
      detail: "",
      end: async () => {
        for (const { disk } of victims) await disk.empty();
      },
    };
  }

  async #failSyncs(victims: readonly ChaosMember[], fault: "error" | "stall"): Promise<Begun> {
    for (const { syncs } of victims) await syncs.set(fault);
    return {
      detail: "",
      end: async () => {
        for (const { syncs } of victims) await syncs.set(null);
      },
    };
  }

  /** It may be refused, or nobody may take over: nothing is promised while harm is done. */
  async #switchover(rng: Rng): Promise<Begun> {
    const leader = await this.#lab.leader();
    if (leader === null) return { detail: "nobody leads", end: NOTHING };
    const others = this.#lab.members.filter((member) => member !== leader.member);
    const { name } = randomPick(rng, others);
    const answer = await leader.member.call("switchover", { to: name });
    const detail = answer.ok ? `to ${name}` : `to ${name}: ${answer.error.code}`;
    return { detail, end: NOTHING };
  }

  /** Removed, wiped, invited anew; what cannot be done now is done when everything is healed. */
  async #replace(victims: readonly ChaosMember[], isMirrorFirst: boolean): Promise<Begun> {
    const change = async (role: "voter" | "mirror"): Promise<string> => {
      for (const member of victims) {
        try {
          await this.#lab.replace(member, role);
        } catch (cause) {
          return `not done: ${cause instanceof Error ? cause.message : String(cause)}`;
        }
      }
      return `as ${role}`;
    };
    if (!isMirrorFirst) return { detail: await change("voter"), end: NOTHING };
    const detail = await change("mirror");
    return { detail, end: async () => this.#tell("voter again", victims, await change("voter")) };
  }
}

/** Who does not hear whom. */
function cutOf(
  fault: "isolate" | "split" | "one-way" | "bridge",
  count: number,
  victims: readonly number[],
  rng: Rng,
): readonly Pair[] {
  const others = Array.from({ length: count }, (_, i) => i).filter((i) => !victims.includes(i));
  switch (fault) {
    case "isolate":
    case "split":
      return bothWays(victims, others);
    case "one-way": {
      const isDeaf = randomChance(rng, 0.5);
      return isDeaf ? deafTo(victims, others) : deafTo(others, victims);
    }
    case "bridge": {
      // The victim hears both sides, which do not hear each other.
      const half = Math.ceil(others.length / 2);
      return bothWays(others.slice(0, half), others.slice(half));
    }
  }
}

function bothWays(a: readonly number[], b: readonly number[]): readonly Pair[] {
  return [...deafTo(a, b), ...deafTo(b, a)];
}

function deafTo(listeners: readonly number[], speakers: readonly number[]): readonly Pair[] {
  return listeners.flatMap((listener) => speakers.map((speaker): Pair => [listener, speaker]));
}

function places(members: readonly ChaosMember[]): readonly number[] {
  return members.map(({ place }) => place);
}

function pick<T>(items: readonly T[], count: number, rng: Rng): readonly T[] {
  const left = [...items];
  const picked: T[] = [];
  while (picked.length < count && left.length > 0) {
    picked.push(...left.splice(randomBetween(rng, 0, left.length - 1), 1));
  }
  return picked;
}
