import { expect, test } from "vitest";
import { fuzzDecoder } from "./decoder-fuzz.ts";
import { FRAME_KINDS } from "./hostile-frames.ts";
import { fuzzSockets } from "./socket-fuzz.ts";

// The long forms are `npm run fuzz -- --frames 10000000 --sockets 50000`.

test("hostile frames are refused or right, and every way to spoil one was tried", async () => {
  const figures = await fuzzDecoder(60_000, 7);
  for (const kind of FRAME_KINDS) expect(figures.kindCounts[kind]).toBeGreaterThan(1000);
  expect(figures.refusedCounts["frame-malformed"]).toBeGreaterThan(10_000);
  expect(figures.refusedCounts["frame-unknown-type"]).toBeGreaterThan(1000);
  expect(figures.acceptedCount).toBeGreaterThan(1000);
});

test("a member under hostile connections counts them, and its good connection stays up", async () => {
  const figures = await fuzzSockets({ socketCount: 250, seed: 3, width: 12 });
  expect(figures.malformedFrameCount).toBeGreaterThan(20);
  expect(figures.refusedAtTheDoorCount).toBeGreaterThan(20);
  expect(figures.downCount).toBe(0);
  expect(figures.wordCount).toBeGreaterThan(20);
  // Half an election timeout, on a machine that does other things, too.
  expect(figures.latencyMs.median).toBeLessThan(500);
});
