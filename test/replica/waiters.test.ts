import { describe, expect, it } from "vitest";
import { IndexWaiters } from "../../electron/agent/replica/waiters.ts";

describe("waiting for an index", () => {
  it("ends at once when it was reached already", async () => {
    const waiters = new IndexWaiters();
    waiters.reach(5);
    expect(await waiters.wait(5).done).toBe("reached");
  });

  it("ends whoever waits for this index or a lower one, and nobody else", async () => {
    const waiters = new IndexWaiters();
    const ends: string[] = [];
    for (const index of [3, 5, 9]) {
      void waiters.wait(index).done.then((end) => ends.push(`${index} ${end}`));
    }
    waiters.reach(5);
    await Promise.resolve();
    expect(ends).toEqual(["3 reached", "5 reached"]);
    waiters.close();
    await Promise.resolve();
    expect(ends).toEqual(["3 reached", "5 reached", "9 closed"]);
  });

  it("waits anew for what was reached before the store was emptied", async () => {
    const waiters = new IndexWaiters();
    waiters.reach(5);
    waiters.forget();
    const waiting = waiters.wait(4);
    waiting.cancel();
    expect(await waiting.done).toBe("timeout");
  });
});
