/** The real clock, chance and network for tests on loopback, and a log that can be asked. */
import { randomBytes } from "node:crypto";
import type { Clock, Logger, Random, Timer } from "../../electron/agent/ports.ts";
import { createEphemeralIdentity } from "../../electron/agent/pairing/identity.ts";
import type { Identity } from "../../electron/agent/pairing/identity.ts";
import { TlsNetwork } from "../../electron/agent/transport/tls-network.ts";
import type { TlsNetworkOptions } from "../../electron/agent/transport/tls-network.ts";
import { seededRng } from "../../shared/base/rng.ts";

/** The computer's clock, as the product uses it. */
export const realClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  localOffsetMs: () => 0,
  after(delayMs: number, callback: () => void): Timer {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** The computer's randomness, as the product uses it. */
export function realRandom(seed: number): Random {
  return { rng: seededRng(seed), bytes: (count) => new Uint8Array(randomBytes(count)) };
}

/** Lines as `event key=value...`, to look into. */
export class RecordingLogger implements Logger {
  readonly lines: { readonly event: string; readonly detail: Record<string, unknown> }[] = [];

  info(event: string, detail: Record<string, unknown> = {}): void {
    this.lines.push({ event, detail });
  }

  warn(event: string, detail: Record<string, unknown> = {}): void {
    this.lines.push({ event, detail });
  }
}

/** A member's network on a free loopback port. */
export function loopbackNetwork(
  identity: Identity = createEphemeralIdentity(),
  more: Partial<TlsNetworkOptions> = {},
): TlsNetwork {
  return new TlsNetwork({
    identity,
    listen: { host: "127.0.0.1", port: 0 },
    clock: realClock,
    logger: new RecordingLogger(),
    ...more,
  });
}

/** Resolves when the condition holds; it is asked again after every turn of the event loop. */
export async function until(condition: () => boolean, limitMs = 5000): Promise<void> {
  const startedAtMs = performance.now();
  while (!condition()) {
    if (performance.now() - startedAtMs > limitMs) throw new Error(`not so after ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
