/**
 * Finding members on the local network by mDNS, as hints and nothing more.
 *
 * What it announces says nothing of the member: a random instance name per start, the port, and
 * a short hash of the cluster. What it hears is believed by nobody: every dial checks a key. All
 * of it may fail (no multicast, no network, a firewall) without anything else failing.
 */
import { createHash } from "node:crypto";
import type { EventEmitter } from "node:events";
import { networkInterfaces } from "node:os";
import type { Browser, Service } from "bonjour-service";
import bonjour from "bonjour-service";
import { hexEncode } from "../../../shared/base/bytes.ts";
import { formatAddress, isLoopbackHost, parseAddress } from "../transport/address.ts";
import type { Clock, Discovery, Logger, Random, Sighting, Timer } from "../ports.ts";

/** What discovery runs on. */
export type MdnsOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** IP of the one interface to use; null uses all. */
  readonly interfaceAddress: string | null;
};

/** What `start` of the port gets. */
type StartOptions = Parameters<Discovery["start"]>[0];

const SERVICE_TYPE = "tidemark";
const TEXT_VERSION = "1";
const INSTANCE_BYTES = 8;
const CLUSTER_HASH_LENGTH = 12;

/** Asked again this often: an announcement may be lost, and sleepers miss them. */
const QUERY_MS = 5000;

/** Services kept by the library before the search starts afresh; a flood must not grow it. */
const SERVICE_COUNT_MAX = 256;

/** What is announced of the cluster: enough to skip foreign ones, too little to name it. */
export function clusterHash(clusterTag: string): string {
  const digest = createHash("sha256").update("tidemark-mdns").update(clusterTag).digest("hex");
  return digest.slice(0, CLUSTER_HASH_LENGTH);
}

/** Discovery by mDNS. */
export class MdnsDiscovery implements Discovery {
  readonly #options: MdnsOptions;
  readonly #instance: string;
  #responder: bonjour | null = null;
  #browser: Browser | null = null;
  #timer: Timer | null = null;
  #hasWarned = false;

  constructor(options: MdnsOptions) {
    this.#options = options;
    this.#instance = hexEncode(options.random.bytes(INSTANCE_BYTES));
  }

  start(options: StartOptions): void {
    const listening = parseAddress(options.address);
    if (!listening.ok || this.#responder !== null) return;
    try {
      this.#begin(options, listening.value.port);
    } catch (failure) {
      this.#warn(String(failure));
    }
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#browser?.stop();
    const responder = this.#responder;
    this.#responder = null;
    if (responder === null) return;
    // Says goodbye first; without a network that never finishes, so it has a limit.
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(GOODBYE_MAX_MS, resolve);
      responder.unpublishAll(() => {
        timer.cancel();
        resolve();
      });
    });
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(GOODBYE_MAX_MS, resolve);
      responder.destroy(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #begin(options: StartOptions, port: number): void {
    const { interfaceAddress } = this.#options;
    if (interfaceAddress !== null && !isOwnAddress(interfaceAddress)) {
      // Without this the system would choose another interface, which nobody asked for.
      this.#warn(`this computer has no interface with the address ${interfaceAddress}`);
      return;
    }
    const socketOptions = interfaceAddress === null ? {} : multicastOn(interfaceAddress);
    const responder = new bonjour(socketOptions, (failure: Error) => this.#warn(failure.message));
    this.#responder = responder;
    this.#survive(responder);
    const cluster = clusterHash(options.clusterTag);
    const service = responder.publish({
      name: this.#instance,
      type: SERVICE_TYPE,
      port,
      host: `${this.#instance}.local`,
      // The name is random, so nobody has to be asked whether it is free.
      probe: false,
      disableIPv6: true,
      txt: { v: TEXT_VERSION, c: cluster },
    });
    service.on("error", (failure: Error) => this.#warn(failure.message));
    this.#browse(responder, (found) => {
      const text = found.txt as { readonly v?: unknown; readonly c?: unknown } | undefined;
      if (found.name === this.#instance || text?.c !== cluster) return;
      for (const sighting of sightingsOf(found, interfaceAddress)) options.onSighting(sighting);
    });
  }

  /** The library leaves the socket's errors (port taken, no permission) to end the process. */
  #survive(responder: bonjour): void {
    const { server } = responder as unknown as { readonly server: { readonly mdns: EventEmitter } };
    server.mdns.on("error", (failure: Error) => this.#warn(failure.message));
  }

  #browse(responder: bonjour, onFound: (service: Service) => void): void {
    const browser = responder.find({ type: SERVICE_TYPE });
    this.#browser = browser;
    browser.on("up", onFound);
    browser.on("srv-update", onFound);
    this.#timer = this.#options.clock.after(QUERY_MS, () => this.#queryAgain(responder, onFound));
  }

  #queryAgain(responder: bonjour, onFound: (service: Service) => void): void {
    const browser = this.#browser;
    if (browser === null) return;
    browser.expire();
    if (browser.services.length > SERVICE_COUNT_MAX) {
      browser.stop();
      this.#browse(responder, onFound);
      return;
    }
    // What is known is told again: an address that failed may work now.
    for (const service of browser.services) onFound(service);
    browser.update();
    this.#timer = this.#options.clock.after(QUERY_MS, () => this.#queryAgain(responder, onFound));
  }

  #warn(reason: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.logger.warn("discovery-unavailable", { reason });
  }
}

/** No discovery: manual and last-known addresses only. */
export class NoDiscovery implements Discovery {
  start(): void {
    return undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const GOODBYE_MAX_MS = 500;
const MDNS_GROUP_BIND = "0.0.0.0";

/**
 * One interface only. The socket binds to every address all the same: on Linux a socket bound to
 * an interface's own address never gets what was sent to the multicast group.
 */
function multicastOn(interfaceAddress: string): Record<string, unknown> {
  return { interface: interfaceAddress, bind: MDNS_GROUP_BIND };
}

function isOwnAddress(address: string): boolean {
  const interfaces = Object.values(networkInterfaces());
  return interfaces.some((each) => each?.some((own) => own.address === address));
}

/** IPv4 addresses a service may be reached at; on loopback, loopback only. */
function sightingsOf(service: Service, interfaceAddress: string | null): readonly Sighting[] {
  const isLocal = interfaceAddress !== null && isLoopbackHost(interfaceAddress);
  // The socket also hears groups that other programs joined on other interfaces.
  if (isLocal && !isLoopbackHost(service.referer?.address ?? "")) return [];
  const told = (service.addresses ?? []).filter((address) => /^[0-9.]{7,15}$/.test(address));
  const hosts = isLocal ? [interfaceAddress] : told.slice(0, ADDRESSES_PER_SERVICE_MAX);
  return hosts.map((host) => ({
    address: formatAddress(host, service.port),
    instance: service.name,
  }));
}

const ADDRESSES_PER_SERVICE_MAX = 4;
