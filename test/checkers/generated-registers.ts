/**
 * Register histories that are right because of how they were made: every operation takes effect
 * at one moment of its time, and the answers are those of a register. And small ones to be spoilt.
 */
import { randomBetween, randomChance, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { Operation, OperationHead, Value } from "../support/checkers/history.ts";
import type { RegisterOperation } from "../support/checkers/register-steps.ts";

/** How a history is made. */
export type RegisterPlan = {
  readonly operationCount: number;
  readonly processCount: number;
  readonly keyCount: number;
  /** Share of operations without an answer. */
  readonly unknownShare: number;
  /** Values are drawn from so many; 0: every write has a value of its own. */
  readonly valueCount: number;
};

type Planned = {
  readonly head: OperationHead;
  readonly key: string;
  /** When it takes effect; Infinity: never. */
  readonly moment: number;
  readonly deed: "read" | "write" | "cas";
};

/** A right history. */
export function makeRegisterHistory(rng: Rng, plan: RegisterPlan): RegisterOperation[] {
  const planned = Array.from({ length: plan.processCount }, (_, p) => planProcess(rng, plan, p));
  const inOrder = planned.flat().sort((a, b) => a.moment - b.moment);
  const registers = new Map<string, Value>();
  let written = 0;
  const valueFor = (): number =>
    plan.valueCount === 0 ? ++written : randomBetween(rng, 1, plan.valueCount);
  const made = inOrder.map(({ head, key, deed, moment }, i): RegisterOperation => {
    const operation = { ...head, id: i + 1, key };
    const now = registers.get(key) ?? null;
    const isOk = head.outcome === "ok";
    if (deed === "read") {
      return { ...operation, kind: "read", level: "linearizable", ...(isOk && { value: now }) };
    }
    const value = valueFor();
    if (deed === "write") {
      if (moment !== Infinity) registers.set(key, value);
      return { ...operation, kind: "write", value };
    }
    const from = randomChance(rng, 0.6) && now !== null ? now : valueFor();
    const swapped = from === now;
    if (swapped && moment !== Infinity) registers.set(key, value);
    return { ...operation, kind: "cas", from, to: value, ...(isOk && { swapped }) };
  });
  return made.sort((a, b) => a.start - b.start);
}

function planProcess(rng: Rng, plan: RegisterPlan, process: number): Planned[] {
  const planned: Planned[] = [];
  let now = randomBetween(rng, 0, 30);
  for (let i = process; i < plan.operationCount; i += plan.processCount) {
    const start = now;
    const end = start + randomBetween(rng, 1, 20);
    const isUnknown = randomChance(rng, plan.unknownShare);
    const late = randomChance(rng, 0.4) ? Infinity : start + randomBetween(rng, 0, 200);
    planned.push({
      head: {
        id: 0,
        process: `c${process}`,
        start,
        ...(isUnknown ? { outcome: "unknown" } : { outcome: "ok", end }),
      },
      key: `r${randomBetween(rng, 1, plan.keyCount)}`,
      moment: isUnknown ? late : start + (rng.uint32() / 2 ** 32) * (end - start),
      deed: randomPick(rng, ["read", "read", "write", "write", "cas"]),
    });
    now = end + randomBetween(rng, 1, 10);
  }
  return planned;
}

/** The history with one answer or one time changed; it may still be right. */
export function spoiled(rng: Rng, operations: readonly RegisterOperation[]): Operation[] {
  const victim = randomBetween(rng, 0, operations.length - 1);
  return operations.map((operation, i) => (i === victim ? changed(rng, operation) : operation));
}

function changed(rng: Rng, operation: RegisterOperation): RegisterOperation {
  if (operation.outcome !== "ok" || randomChance(rng, 0.2)) {
    const start = Math.max(0, operation.start - randomBetween(rng, 0, 20));
    if (operation.end === undefined) return { ...operation, start: start + 10 };
    return { ...operation, start, end: start + randomBetween(rng, 0, 10) };
  }
  const value = randomPick(rng, [null, 1, 2, 3, 4]);
  if (operation.kind === "cas") return { ...operation, swapped: operation.swapped !== true };
  return { ...operation, value };
}
