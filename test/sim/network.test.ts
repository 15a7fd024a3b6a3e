import { memberId } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { networkContract } from "../contract/network-contract.ts";
import type { ContractMember, NetworkWorld } from "../contract/network-contract.ts";
import { PromiseChecker } from "./promise-checker.ts";
import { Scheduler, runSteps } from "./scheduler.ts";
import { SimNetwork } from "./sim-network.ts";
import { SimProcess } from "./sim-process.ts";
import { Trace } from "./trace.ts";

const WORLD_MS_MAX = 20_000;

const world = simWorld();
networkContract("the simulator's", () => world);

function simWorld(): NetworkWorld {
  let scheduler = new Scheduler();
  const runUntil = (isOver: () => boolean): Promise<void> => {
    const untilMs = scheduler.nowMs + WORLD_MS_MAX;
    return runSteps(() => !isOver() && scheduler.runNext(untilMs));
  };
  return {
    members: () => {
      scheduler = new Scheduler();
      const network = new SimNetwork({
        scheduler,
        rng: seededRng(1),
        trace: new Trace(() => scheduler.nowMs),
        promises: new PromiseChecker(() => null),
        traits: { delayMs: 1, jitterMs: 5, bytesPerMs: 10_000 },
      });
      const member = (name: string): ContractMember => {
        const id = memberId(name);
        const process = new SimProcess(id, scheduler, () => undefined);
        return { id, network: network.portOf(process, `${name}.sim:7000`) };
      };
      return Promise.resolve([member("a"), member("b"), member("c")]);
    },
    until: async (condition) => {
      await runUntil(condition);
      if (!condition()) throw new Error("the condition never held");
    },
    run: async (work) => {
      let isDone = false;
      void work.finally(() => (isDone = true));
      await runUntil(() => isDone);
      return work;
    },
    emptyAddress: "nobody.sim:7000",
  };
}
