/**
 * How many strangers may knock at once. A connection counts from the first packet until its key
 * is proven and admitted; whoever is a member is not limited any more.
 *
 * Pure bookkeeping: the listener says who came and who went, and when.
 */
import { isLoopbackHost } from "./address.ts";

/** The numbers; `shared/protocol/limits.ts` holds the product's. */
export type ConnectionLimits = {
  readonly totalMax: number;
  readonly perHostMax: number;
  readonly perHostPerSecondMax: number;
};

type Host = { pendingCount: number; tokens: number; refilledAtMs: number };

/** Hosts remembered; beyond it the idle ones are forgotten. */
const HOST_COUNT_MAX = 1024;

/** Counts unproven connections, in total and per remote host. Loopback only counts in total. */
export class ConnectionGate {
  readonly #limits: ConnectionLimits;
  readonly #hosts = new Map<string, Host>();
  #totalCount = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Whether one more may begin now; if so it counts until `leave`. */
  tryEnter(remoteHost: string, nowMs: number): boolean {
    if (this.#totalCount >= this.#limits.totalMax) return false;
    if (!isLoopbackHost(remoteHost) && !this.#enterHost(remoteHost, nowMs)) return false;
    this.#totalCount += 1;
    return true;
  }

  /** One that had entered is proven, or gone. */
  leave(remoteHost: string): void {
    this.#totalCount -= 1;
    const host = this.#hosts.get(remoteHost);
    if (host !== undefined) host.pendingCount -= 1;
  }

  #enterHost(remoteHost: string, nowMs: number): boolean {
    const host = this.#hostOf(remoteHost, nowMs);
    const perSecond = this.#limits.perHostPerSecondMax;
    const earned = ((nowMs - host.refilledAtMs) / 1000) * perSecond;
    host.tokens = Math.min(perSecond, host.tokens + earned);
    host.refilledAtMs = nowMs;
    if (host.pendingCount >= this.#limits.perHostMax || host.tokens < 1) return false;
    host.tokens -= 1;
    host.pendingCount += 1;
    return true;
  }

  #hostOf(remoteHost: string, nowMs: number): Host {
    const known = this.#hosts.get(remoteHost);
    if (known !== undefined) return known;
    if (this.#hosts.size >= HOST_COUNT_MAX) this.#forgetIdle();
    const host = {
      pendingCount: 0,
      tokens: this.#limits.perHostPerSecondMax,
      refilledAtMs: nowMs,
    };
    this.#hosts.set(remoteHost, host);
    return host;
  }

  #forgetIdle(): void {
    for (const [name, host] of this.#hosts) {
      if (host.pendingCount === 0) this.#hosts.delete(name);
    }
  }
}
