/**
 * A network of its own for each member, and one cable between them: a network namespace per
 * member and one more that only holds the bridge. Nothing is ever added to the machine's own
 * network, and nothing here can reach it.
 *
 * It knows places (0 is the first member) and what lies between them: who may hear whom, which
 * link is down, which is slow. It knows nothing of processes.
 */
import { run, tryRun } from "./shell.ts";

/** Every namespace of every run begins so; what follows is the runner's process id. */
const NAME_PREFIX = "tidemark-chaos-";

const SUBNET = "10.77.0";

/** Bytes a slow link may send at once; smaller than one full frame would pass nothing. */
const BURST_BYTES = 4_096;

/** How bad a slow link is. */
export type SlowLink = { readonly kilobitsPerSecond: number; readonly queueMs: number };

/** See the top of the file. */
export class LabNetwork {
  readonly #name: string;
  readonly #count: number;
  /** Per listener: the speakers it does not hear. */
  readonly #unheard: Set<number>[];

  private constructor(name: string, count: number) {
    this.#name = name;
    this.#count = count;
    this.#unheard = Array.from({ length: count }, () => new Set<number>());
  }

  /** @param lab Tells the labs of one run apart. */
  static async create(lab: number, count: number): Promise<LabNetwork> {
    const network = new LabNetwork(`${NAME_PREFIX}${process.pid}-${lab}`, count);
    try {
      await network.#build();
    } catch (cause) {
      await network.dispose();
      throw cause;
    }
    return network;
  }

  /** Where the member at a place is reached by the others. */
  address(place: number): string {
    return `${SUBNET}.${place + 1}`;
  }

  /** The command in front of a program that is to run in the network of a place. */
  inside(place: number): readonly string[] {
    return ["nsenter", `--net=/run/netns/${this.#member(place)}`];
  }

  /** Only the named ones are not heard: `[listener, speaker]`; one way each. */
  async cut(pairs: readonly (readonly [number, number])[]): Promise<void> {
    const wanted = Array.from({ length: this.#count }, () => new Set<number>());
    for (const [listener, speaker] of pairs) wanted[listener]?.add(speaker);
    await Promise.all(wanted.map((speakers, listener) => this.#setUnheard(listener, speakers)));
  }

  /** Takes the cable out, or puts it in again. */
  async setLink(place: number, state: "up" | "down"): Promise<void> {
    await run("ip", ["-n", this.#member(place), "link", "set", "eth0", state]);
  }

  /** Makes what a member sends slow; null makes it fast again. */
  async setSpeed(place: number, slow: SlowLink | null): Promise<void> {
    const device = ["-n", this.#member(place), "qdisc"];
    if (slow === null) {
      await tryRun("tc", [...device, "del", "dev", "eth0", "root"]);
      return;
    }
    await run("tc", [
      ...device,
      ...["replace", "dev", "eth0", "root", "tbf", "rate", `${slow.kilobitsPerSecond}kbit`],
      ...["burst", String(BURST_BYTES), "latency", `${slow.queueMs}ms`],
    ]);
  }

  /** Everybody hears everybody, at full speed. */
  async heal(): Promise<void> {
    await this.cut([]);
    for (let place = 0; place < this.#count; place++) {
      await this.setLink(place, "up");
      await this.setSpeed(place, null);
    }
  }

  /** Removes every namespace; the cables go with them. */
  async dispose(): Promise<void> {
    const names = (await run("ip", ["netns", "list"])).match(/^\S+/gm) ?? [];
    const own = names.filter((name) => name.startsWith(`${this.#name}-`));
    await Promise.all(own.map((name) => tryRun("ip", ["netns", "delete", name])));
  }

  async #build(): Promise<void> {
    const bridge = `${this.#name}-bridge`;
    await run("ip", ["netns", "add", bridge]);
    await run("ip", ["-n", bridge, "link", "add", "bridge0", "type", "bridge"]);
    await run("ip", ["-n", bridge, "link", "set", "bridge0", "up"]);
    for (let place = 0; place < this.#count; place++) await this.#plugIn(place, bridge);
  }

  async #plugIn(place: number, bridge: string): Promise<void> {
    const member = this.#member(place);
    await run("ip", ["netns", "add", member]);
    const peer = ["peer", "name", "eth0", "netns", member];
    await run("ip", ["-n", bridge, "link", "add", `port${place}`, "type", "veth", ...peer]);
    const commands = [`link set port${place} master bridge0`, `link set port${place} up`];
    await run("ip", ["-n", bridge, "-batch", "-"], commands.join("\n"));
    const own = [
      `addr add ${this.address(place)}/24 dev eth0`,
      "link set eth0 up",
      "link set lo up",
    ];
    await run("ip", ["-n", member, "-batch", "-"], own.join("\n"));
  }

  async #setUnheard(listener: number, speakers: ReadonlySet<number>): Promise<void> {
    const before = this.#unheard[listener] ?? new Set<number>();
    const isSame = before.size === speakers.size && [...speakers].every((each) => before.has(each));
    if (isSame) return;
    this.#unheard[listener] = new Set(speakers);
    const rules = [...speakers].map((place) => `-A INPUT -s ${this.address(place)} -j DROP`);
    const table = ["*filter", ":INPUT ACCEPT [0:0]", ...rules, "COMMIT", ""].join("\n");
    const [enter = "", ...enterArgs] = this.inside(listener);
    await run(enter, [...enterArgs, "iptables-legacy-restore"], table);
  }

  #member(place: number): string {
    return `${this.#name}-${place}`;
  }
}

/** Why no lab can be made here: one sentence; null when one can. */
export async function whyNoLab(): Promise<string | null> {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  for (const program of ["ip", "nsenter", "iptables-legacy-restore", "tc"]) {
    const found = await tryRun("sh", ["-c", `command -v ${program}`]);
    if (!found.isDone) return `${program} is not installed`;
  }
  const probe = `${NAME_PREFIX}${process.pid}-probe`;
  const made = await tryRun("ip", ["netns", "add", probe]);
  if (!made.isDone) return `a network namespace was refused: ${made.error.trim()}`;
  await run("ip", ["netns", "delete", probe]);
  return null;
}

/**
 * Ends what runners left behind: the processes in their namespaces, and these.
 *
 * @param isGone Whether the runner with this process id needs them no more.
 */
export async function reapNetworks(isGone: (runner: number) => boolean): Promise<void> {
  const names = (await run("ip", ["netns", "list"])).match(/^\S+/gm) ?? [];
  for (const name of names) {
    const runner = new RegExp(`^${NAME_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (runner === undefined || !isGone(Number(runner))) continue;
    const left = (await tryRun("ip", ["netns", "pids", name])).out.match(/\d+/g) ?? [];
    // Named by the kernel as members of a namespace that only a run of ours can have made. One
    // that ends by itself meanwhile makes the command fail, and that is as good.
    for (const pid of left) await tryRun("kill", ["-9", pid]);
    await run("ip", ["netns", "delete", name]);
  }
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
