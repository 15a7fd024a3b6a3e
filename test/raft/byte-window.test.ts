import { expect, it } from "vitest";
import { ByteWindow } from "../../shared/raft/byte-window.ts";

it("a window counts the bytes of what was not released, also after thousands of pieces", () => {
  const window = new ByteWindow();
  for (let index = 1; index <= 2_000; index++) window.push(index, index);
  for (let released = 7; released < 2_000; released += 7) {
    window.release(released);
    const expectedBytes = ((released + 1 + 2_000) * (2_000 - released)) / 2;
    expect(window.totalBytes).toBe(expectedBytes);
    expect(window).toMatchObject({ count: 2_000 - released, oldestIndex: released + 1 });
    expect(window.newestIndex).toBe(2_000);
  }
  window.release(2_000);
  expect(window).toMatchObject({ count: 0, totalBytes: 0, oldestIndex: null, newestIndex: null });
});
