/**
 * A member on loopback under thousands of hostile connections, and beside them one good one that
 * must not notice: it stays up, and what is said on it arrives in time.
 *
 * Attackers and member share this process, so its memory is measured too strictly, if anything.
 */
import { identityOf, hello, ids, note, startNode, stopAll } from "../transport/link-nodes.ts";
import type { Node } from "../transport/link-nodes.ts";
import { loopbackNetwork, until } from "../transport/real-ports.ts";
import { createEphemeralIdentity } from "../../electron/agent/pairing/identity.ts";
import type { Logger } from "../../electron/agent/ports.ts";
import type { TlsNetwork } from "../../electron/agent/transport/tls-network.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { misbehave } from "./hostile-peers.ts";
import type { Attack, WayName } from "./hostile-peers.ts";

/** What came of a run. */
export type SocketFigures = {
  readonly socketCount: number;
  readonly wayCounts: Readonly<Partial<Record<WayName, number>>>;
  /** Of the member that was attacked. */
  readonly malformedFrameCount: number;
  readonly refusedAtTheDoorCount: number;
  readonly refusedHelloCount: number;
  /** How long words took on the good connection. */
  readonly latencyMs: { readonly median: number; readonly p99: number; readonly worst: number };
  readonly wordCount: number;
  /** How often the good connection went down. */
  readonly downCount: number;
  readonly rssGrowthMib: number;
  readonly tookMs: number;
};

/** How a run is made. */
export type SocketFuzzOptions = {
  readonly socketCount: number;
  readonly seed: number;
  /** Sockets at a time. */
  readonly width: number;
  readonly note?: (done: number) => void;
};

/** How often a word is said on the good connection. */
const WORD_MS = 25;

/** Part of the run after which memory is looked at first: buffers and caches have filled by then. */
export const WARM_PART = 0.2;

/** A logger that remembers would be the only thing that grows. */
const SILENT: Logger = { info: () => undefined, warn: () => undefined };

const MIB = 1024 * 1024;

/** Attacks a member until `socketCount` sockets have come and gone. */
export async function fuzzSockets(options: SocketFuzzOptions): Promise<SocketFigures> {
  const { socketCount, seed, width } = options;
  const victim = await startVictim();
  const friend = await startNode(identityOf(1), { manualAddresses: [victim.node.address] });
  await until(() => friend.links.isUp(victim.node.id) && victim.node.links.isUp(friend.id));
  const words = startWords(friend, victim.node);
  const wayCounts: Partial<Record<WayName, number>> = {};
  const startedAtMs = performance.now();
  let begun = 0;
  let warmRss = 0;
  const attacker = async (place: number): Promise<void> => {
    const attack = attackOn(victim.node, seed * 1000 + place);
    while (begun < socketCount) {
      begun++;
      const way = await misbehave(attack);
      wayCounts[way] = (wayCounts[way] ?? 0) + 1;
      if (warmRss === 0 && begun > socketCount * WARM_PART) warmRss = settledRss();
      if (begun % 1000 === 0) options.note?.(begun);
    }
  };
  await Promise.all(Array.from({ length: width }, (_, place) => attacker(place)));
  const latencies = await words.stop();
  const figures = {
    ...{ socketCount, wayCounts, latencyMs: summaryOf(latencies), wordCount: latencies.length },
    malformedFrameCount: victim.node.links.counters().malformedFrames,
    refusedAtTheDoorCount: sum(Object.values(victim.network.refusals())),
    refusedHelloCount: victim.node.links.counters().refusedByUs,
    downCount: victim.node.events.filter((event) => event === `down ${ids.indexOf(friend.id)}`)
      .length,
    rssGrowthMib: Math.round((settledRss() - warmRss) / MIB),
    tookMs: performance.now() - startedAtMs,
  };
  await stopAll();
  return figures;
}

async function startVictim(): Promise<{ readonly node: Node; readonly network: TlsNetwork }> {
  const network = loopbackNetwork(identityOf(0), { handshakeMs: 1000, logger: SILENT });
  return { node: await startNode(identityOf(0), { network, logger: SILENT }), network };
}

function attackOn(victim: Node, seed: number): Attack {
  return {
    port: Number(victim.address.split(":").at(-1)),
    rng: seededRng(seed),
    member: identityOf(2),
    stranger: createEphemeralIdentity(),
    hello: hello({ bootId: "hostile" }),
  };
}

/** Says words all the time, and measures how long each took to arrive. */
function startWords(from: Node, to: Node) {
  const latencies: number[] = [];
  const saidAtMs = new Map<string, number>();
  let count = 0;
  const hear = (): void => {
    for (const { from: sender, message } of to.messages.splice(0)) {
      if (sender !== from.id || message.type !== "forward-request") continue;
      const saidAt = saidAtMs.get(message.method);
      if (saidAt !== undefined) latencies.push(performance.now() - saidAt);
      saidAtMs.delete(message.method);
    }
  };
  const say = (): void => {
    const word = `word ${count++}`;
    saidAtMs.set(word, performance.now());
    from.links.send(to.id, note(word));
  };
  const hearing = setInterval(hear, 1);
  const saying = setInterval(say, WORD_MS);
  return {
    async stop(): Promise<readonly number[]> {
      clearInterval(saying);
      await until(() => saidAtMs.size === 0);
      clearInterval(hearing);
      return latencies;
    },
  };
}

/** Bytes of memory, after a collection where Node was started with `--expose-gc`. */
export function settledRss(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage.rss();
}

function summaryOf(values: readonly number[]): SocketFigures["latencyMs"] {
  const ascending = [...values].sort((a, b) => a - b);
  const at = (part: number): number =>
    Math.round((ascending[Math.floor((ascending.length - 1) * part)] ?? 0) * 10) / 10;
  return { median: at(0.5), p99: at(0.99), worst: at(1) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
