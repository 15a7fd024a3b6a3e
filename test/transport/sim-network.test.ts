import { memberId } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { networkContract } from "../contract/network-contract.ts";
import { PromiseChecker } from "../sim/promise-checker.ts";
import { Scheduler } from "../sim/scheduler.ts";
import { SimNetwork } from "../sim/sim-network.ts";
import { SimProcess } from "../sim/sim-process.ts";
import { Trace } from "../sim/trace.ts";

let scheduler = new Scheduler();

/** Lets the world's events happen, and what awaits them, until the condition holds. */
async function pass(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !condition(); turn++) {
    for (let i = 0; i < 10; i++) await Promise.resolve();
    if (!condition()) scheduler.runNext(scheduler.nowMs + 10_000);
  }
  if (!condition()) throw new Error("not so after the world ran out of events");
}

networkContract("simulated", () => ({
  members: () => {
    scheduler = new Scheduler();
    const traits = { delayMs: 1, jitterMs: 0.5, bytesPerMs: 100_000 };
    const trace = new Trace(() => scheduler.nowMs);
    const network = new SimNetwork({
      scheduler,
      rng: seededRng(1),
      trace,
      traits,
      promises: new PromiseChecker(() => null),
    });
    const make = (name: string) => {
      const process = new SimProcess(memberId(name), scheduler, () => undefined);
      return { id: process.id, network: network.portOf(process, `${name}:1`) };
    };
    return Promise.resolve([make("a"), make("b"), make("c")]);
  },
  until: pass,
  run: async (work) => {
    let isDone = false;
    const watched = work.finally(() => (isDone = true));
    await pass(() => isDone);
    return watched;
  },
  emptyAddress: "nobody:1",
}));
