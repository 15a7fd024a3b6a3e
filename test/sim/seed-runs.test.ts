import { describe, expect, test } from "vitest";
import { runSteps } from "./scheduler.ts";
import { inOrder } from "./seed-runs.ts";

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}

describe("worlds under way at the same time", () => {
  test("are handed over in the order of their seeds, whichever ends first", async () => {
    const enders: (() => void)[] = [];
    const results = collect(
      inOrder(2, (i) => {
        if (i >= 4) return null;
        return new Promise<number>((resolve) => enders.push(() => resolve(i)));
      }),
    );
    expect(enders).toHaveLength(2);
    enders[1]?.();
    enders[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(enders).toHaveLength(4);
    enders[3]?.();
    enders[2]?.();
    expect(await results).toEqual([0, 1, 2, 3]);
  });

  test("are never more than asked for, and none begins once one said that it is enough", async () => {
    let underWay = 0;
    let most = 0;
    const asked: number[] = [];
    const source = inOrder(3, (i) => {
      asked.push(i);
      if (i >= 5) return null;
      underWay++;
      most = Math.max(most, underWay);
      return Promise.resolve().then(() => {
        underWay--;
        return i;
      });
    });
    expect(await collect(source)).toHaveLength(5);
    expect(most).toBeLessThanOrEqual(3);
    expect(asked).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe("the steps of a world", () => {
  test("see all that was started by promises of the step before", async () => {
    const seen: number[] = [];
    let depth = 0;
    const sink = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) await Promise.resolve();
      depth = 50;
    };
    await runSteps(() => {
      seen.push(depth);
      depth = 0;
      void sink();
      return seen.length < 600;
    });
    expect(seen.slice(1).every((each) => each === 50)).toBe(true);
    expect(seen).toHaveLength(600);
  });
});
