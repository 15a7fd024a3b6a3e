import { describe, expect, test } from "vitest";
import { randomBetween, seededRng } from "../../shared/base/rng.ts";
import type { Operation } from "../support/checkers/history.ts";
import { checkLinearizability } from "../support/checkers/linearizability.ts";
import type { RegisterOperation } from "../support/checkers/register-steps.ts";
import { isLinearizableByForce } from "./brute-force.ts";
import { makeRegisterHistory, spoiled } from "./generated-registers.ts";
import { cas, read, unknown, write } from "./register-lines.ts";

/** More by `CHECKER_SEEDS=20000 npx vitest run --config build/vitest.config.ts test/checkers`. */
const SEED_COUNT = Number(process.env["CHECKER_SEEDS"] ?? 400);

function idsFound(operations: readonly Operation[]): readonly (readonly number[])[] {
  return checkLinearizability(operations).anomalies.map((anomaly) => anomaly.operations);
}

describe("planted", () => {
  test("a read of an older value than one already acknowledged is named with both writes", () => {
    const history = [write(1, 1, 0, 1), write(2, 2, 2, 3), read(3, 1, 4, 5), write(4, 9, 6, 7)];
    const { anomalies } = checkLinearizability(history);
    expect(anomalies.map((each) => each.name)).toEqual(["not-linearizable"]);
    expect(anomalies[0]?.operations).toEqual([1, 2, 3]);
    expect(anomalies[0]?.detail).toContain("read r1 -> 1");
  });

  test("two reads that see a value come and go again are named", () => {
    const history = [write(1, 1, 0, 1), write(2, 2, 2, 20), read(3, 2, 4, 5), read(4, 1, 6, 7)];
    expect(idsFound(history)).toEqual([[1, 2, 3, 4]]);
  });

  test("a lost write shows in the next read", () => {
    expect(idsFound([write(1, 1, 0, 1), read(2, null, 2, 3)])).toEqual([[1, 2]]);
  });

  test("a value that nobody wrote is found", () => {
    expect(idsFound([write(1, 1, 0, 1), read(2, 7, 2, 3)])).toEqual([[2]]);
  });

  test("a read from the future is found", () => {
    expect(idsFound([read(1, 5, 0, 1), write(2, 5, 2, 3)])).toEqual([[1]]);
  });

  test("two swaps from the same value cannot both succeed", () => {
    const history = [write(1, 1, 0, 1), cas(2, [1, 2], true, 2, 9), cas(3, [1, 3], true, 3, 8)];
    expect(idsFound(history)).toEqual([[1, 2, 3]]);
  });

  test("a swap that failed although nothing else was there is found", () => {
    expect(idsFound([write(1, 1, 0, 1), cas(2, [1, 2], false, 2, 3)])).toEqual([[1, 2]]);
  });

  test.each([
    ["each write with a value of its own", 0],
    ["five values", 5],
  ])("the finding is small, in the middle of ten thousand operations too: %s", (_, valueCount) => {
    const plan = { operationCount: 10_000, processCount: 10, keyCount: 1, unknownShare: 0.01 };
    const history = makeRegisterHistory(seededRng(5), { ...plan, valueCount });
    const at = history.findIndex((each, i) => i > 5_000 && isAnsweredRead(each));
    const old = history.find((each) => each.kind === "write" && each.outcome === "ok");
    const broken = history.map((each, i) =>
      i === at && each.kind === "read" && old?.kind === "write"
        ? { ...each, value: valueCount === 0 ? old.value : valueCount + 1 }
        : each,
    );
    const [found] = checkLinearizability(broken).anomalies;
    expect(found?.operations).toContain(broken[at]?.id);
    expect(found?.operations.length).toBeLessThanOrEqual(6);
  });
});

describe("right", () => {
  test("an unanswered write may take effect at any later time, or never", () => {
    const open = unknown(write(1, 1, 0, 1));
    expect(idsFound([open, read(2, null, 2, 3), read(3, 1, 4, 5), read(4, 1, 6, 7)])).toEqual([]);
    expect(idsFound([open, read(2, null, 2, 3), read(3, null, 8, 9)])).toEqual([]);
    expect(idsFound([open, read(2, 1, 2, 3), read(3, null, 8, 9)])).not.toEqual([]);
  });

  test("a failed swap may need an unanswered write that nobody else ever saw", () => {
    const history = [write(1, 1, 0, 1), unknown(write(2, 2, 2, 3)), cas(3, [1, 3], false, 4, 5)];
    expect(idsFound(history)).toEqual([]);
  });

  test("a write with an ack of one disk may be gone", () => {
    expect(idsFound([{ ...write(1, 1, 0, 1), ack: "flushed" }, read(2, null, 2, 3)])).toEqual([]);
  });

  test("reads of weaker levels are not held to it", () => {
    const stale = { ...read(2, null, 2, 3), level: "local" } as const;
    expect(idsFound([write(1, 1, 0, 1), stale])).toEqual([]);
  });

  test("what the clocks cannot tell apart is no finding", () => {
    const history = [write(1, 1, 0, 10), read(2, null, 12, 13)];
    expect(checkLinearizability(history, { clockUncertaintyMs: 3 }).anomalies).toEqual([]);
    expect(checkLinearizability(history, { clockUncertaintyMs: 1 }).anomalies).toHaveLength(1);
  });

  test.each([0, 3])("generated histories pass: values out of %i", (valueCount) => {
    for (let seed = 1; seed <= 2 * SEED_COUNT; seed++) {
      const rng = seededRng(seed);
      const history = makeRegisterHistory(rng, {
        operationCount: randomBetween(rng, 5, 120),
        processCount: randomBetween(rng, 2, 8),
        keyCount: randomBetween(rng, 1, 3),
        unknownShare: randomBetween(rng, 0, 3) / 20,
        valueCount,
      });
      const { anomalies, undecided } = checkLinearizability(history);
      expect({ seed, anomalies, undecided }).toEqual({ seed, anomalies: [], undecided: [] });
    }
  });

  test("ten thousand operations of ten clients on one key need few places, not millions", () => {
    const plan = { operationCount: 10_000, processCount: 10, keyCount: 1, unknownShare: 0.01 };
    for (const valueCount of [0, 5]) {
      const history = makeRegisterHistory(seededRng(11), { ...plan, valueCount });
      const { anomalies, undecided } = checkLinearizability(history, { placesMax: 50_000 });
      expect(anomalies.length + undecided.length).toBe(0);
    }
  });
});

test("the search agrees with trying every order, on right histories and on spoiled ones", () => {
  const seen = { right: 0, wrong: 0 };
  for (let seed = 1; seed <= 5 * SEED_COUNT; seed++) {
    const rng = seededRng(seed);
    const made = makeRegisterHistory(rng, {
      operationCount: randomBetween(rng, 2, 6),
      processCount: randomBetween(rng, 1, 4),
      keyCount: 1,
      unknownShare: seed % 2 === 0 ? 0.15 : 0.5,
      valueCount: randomBetween(rng, 0, 3),
    });
    const history = (seed % 4 === 0 ? made : spoiled(rng, made)) as RegisterOperation[];
    const { anomalies, undecided } = checkLinearizability(history);
    expect(undecided).toEqual([]);
    const isRight = isLinearizableByForce(history);
    seen[isRight ? "right" : "wrong"]++;
    expect({ seed, isRight: anomalies.length === 0, history }).toEqual({ seed, isRight, history });
  }
  expect(Math.min(seen.right, seen.wrong)).toBeGreaterThan(SEED_COUNT / 4);
});

function isAnsweredRead(operation: RegisterOperation): boolean {
  return operation.kind === "read" && operation.outcome === "ok";
}
