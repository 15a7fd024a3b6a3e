import type { Discovery, Sighting } from "../../electron/agent/ports.ts";
import type { SimNetwork } from "./sim-network.ts";
import type { SimProcess } from "./sim-process.ts";

type Announcer = {
  readonly process: SimProcess;
  readonly clusterTag: string;
  readonly address: string;
  readonly onSighting: (sighting: Sighting) => void;
};

/** Announcements come at once and are repeated while awake, as mDNS does; blocked links lose them. */
const REPEAT_MS = 4_000;
const FIRST_MS = 40;

/** mDNS of a whole world: everybody hears everybody with the same tag. */
export class SimDiscovery {
  readonly #network: SimNetwork;
  #announcers: Announcer[] = [];

  constructor(network: SimNetwork) {
    this.#network = network;
  }

  /** The Discovery port of one process. */
  portOf(process: SimProcess): Discovery {
    let own: Announcer | null = null;
    return {
      start: (options) => {
        own = { process, ...options };
        this.#announcers.push(own);
        this.#repeat(own, FIRST_MS);
      },
      close: () => {
        this.#announcers = this.#announcers.filter((each) => each !== own);
        return Promise.resolve();
      },
    };
  }

  #repeat(announcer: Announcer, afterMs: number): void {
    announcer.process.runAfter(afterMs, () => {
      this.#announcers = this.#announcers.filter((each) => each.process.isAlive);
      if (!this.#announcers.includes(announcer)) return;
      this.#announce(announcer);
      this.#repeat(announcer, REPEAT_MS);
    });
  }

  #announce(announcer: Announcer): void {
    const { process, address, clusterTag } = announcer;
    for (const hearer of this.#announcers) {
      if (hearer.process === process || hearer.clusterTag !== clusterTag) continue;
      if (this.#network.isBlocked(process.id, hearer.process.id)) continue;
      const delayMs = this.#network.delayMs(process.id, hearer.process.id);
      const sighting = { address, instance: `sim-${process.id}` };
      hearer.process.runAfter(delayMs, () => hearer.onSighting(sighting));
    }
  }
}
