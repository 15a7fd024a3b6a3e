import { expect, test } from "vitest";
import { randomBetween, randomChance, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { checkHistory } from "../support/checkers/check-history.ts";
import type { HistoryReport } from "../support/checkers/check-history.ts";
import { Findings } from "../support/checkers/findings.ts";
import { checkListAppend } from "../support/checkers/list-append.ts";
import type {
  MicroOperation,
  Operation,
  TransactionOperation,
} from "../support/checkers/history.ts";
import { isStrictlySerializableByForce } from "./brute-force.ts";
import { makeClusterHistory } from "./generated-cluster.ts";

function check(operations: readonly Operation[]): HistoryReport {
  const header = { source: "test", clockUncertaintyMs: 0 };
  return checkHistory({ header, operations, faults: [] });
}

function smallHistory(rng: Rng): Operation[] {
  return makeClusterHistory(rng, {
    operationCount: randomBetween(rng, 10, 150),
    processCount: randomBetween(rng, 2, 8),
    memberCount: randomBetween(rng, 1, 5),
    keyCount: randomBetween(rng, 1, 4),
    unknownShare: randomBetween(rng, 0, 4) / 20,
    lagMsMax: randomBetween(rng, 0, 300),
    valueCount: randomBetween(rng, 0, 1) * 4,
  });
}

/** More by `CHECKER_SEEDS=20000 npx vitest run --config build/vitest.config.ts test/checkers`. */
const SEED_COUNT = Number(process.env["CHECKER_SEEDS"] ?? 400);

test("histories that are right by construction pass every check", () => {
  const reads = new Set<string>();
  for (let seed = 1; seed <= SEED_COUNT; seed++) {
    const { anomalies, undecided, counts } = check(smallHistory(seededRng(seed)));
    expect({ seed, anomalies, undecided }).toEqual({ seed, anomalies: [], undecided: [] });
    for (const level of Object.keys(counts.reads)) reads.add(level);
  }
  expect([...reads].toSorted()).toEqual(["bounded", "linearizable", "local", "log", "session"]);
});

test("list transactions are judged as trying every order judges them, right or spoiled", () => {
  const seen = { right: 0, wrong: 0 };
  for (let seed = 1; seed <= 4 * SEED_COUNT; seed++) {
    const rng = seededRng(seed);
    const made = makeClusterHistory(rng, {
      operationCount: randomBetween(rng, 2, 4),
      processCount: randomBetween(rng, 1, 4),
      memberCount: 1,
      keyCount: randomBetween(rng, 1, 2),
      unknownShare: 0.2,
      lagMsMax: 0,
      valueCount: 0,
      onlyLists: true,
    }).filter((each) => each.kind === "txn");
    const history = seed % 4 === 0 ? made : spoiled(rng, made);
    const findings = new Findings();
    checkListAppend(history, 0, findings);
    const isRight = isStrictlySerializableByForce(history);
    seen[isRight ? "right" : "wrong"]++;
    const found = { seed, isRight: findings.anomalies.length === 0, history };
    expect(found).toEqual({ seed, isRight, history });
  }
  expect(Math.min(seen.right, seen.wrong)).toBeGreaterThan(SEED_COUNT / 4);
});

/** One answer or one time changed; the history may still be right. */
function spoiled(
  rng: Rng,
  transactions: readonly TransactionOperation[],
): readonly TransactionOperation[] {
  const victim = randomBetween(rng, 0, transactions.length - 1);
  return transactions.map((transaction, i) => {
    if (i !== victim) return transaction;
    if (transaction.end !== undefined && randomChance(rng, 0.3)) {
      const start = Math.max(0, transaction.start - randomBetween(rng, 0, 30));
      return { ...transaction, start, end: start + randomBetween(rng, 0, 10) };
    }
    return { ...transaction, micro: transaction.micro.map((step) => spoiledStep(rng, step)) };
  });
}

function spoiledStep(rng: Rng, step: MicroOperation): MicroOperation {
  const [what, key, value] = step;
  if (what === "append" || value === null || randomChance(rng, 0.3)) return step;
  const changed = randomPick(rng, [
    value.slice(0, -1),
    value.slice(1),
    value.toReversed(),
    [...value, randomBetween(rng, 1, 6)],
  ]);
  return ["r", key, changed];
}
