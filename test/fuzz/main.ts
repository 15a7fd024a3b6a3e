/**
 * `npm run fuzz -- [--frames N] [--sockets N] [--width N] [--seed N]`: hostile frames into the
 * decoder, hostile connections into a live member. Prints figures, and ends with 1 when one of
 * them breaks its bound.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { commandFlags } from "../support/command-flags.ts";
import { fuzzDecoder } from "./decoder-fuzz.ts";
import { fuzzSockets, settledRss, WARM_PART } from "./socket-fuzz.ts";

const USAGE = "npm run fuzz -- [--frames N] [--sockets N] [--width N] [--seed N]";
const RSS_GROWTH_MIB_MAX = 50;
const FRAMES_PER_LINE = 1_000_000;

const flags = commandFlags({
  options: {
    frames: { type: "string", default: "0" },
    sockets: { type: "string", default: "0" },
    width: { type: "string", default: "12" },
    seed: { type: "string", default: "1" },
  },
});
if (!flags.ok) {
  console.error(`${flags.error}\n${USAGE}`);
  process.exit(2);
}
const values = flags.value;

const frameCount = Number(values.frames);
const socketCount = Number(values.sockets);
const seed = Number(values.seed);
const problems: string[] = [];

setFlagsFromString("--expose-gc");
Object.assign(globalThis, { gc: runInNewContext("gc") as () => void });

process.on("unhandledRejection", (reason) => {
  console.error("unhandled rejection", reason);
  process.exit(1);
});

if (frameCount > 0) await runDecoder();
if (socketCount > 0) await runSockets();
for (const problem of problems) console.error(`BROKEN: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

async function runDecoder(): Promise<void> {
  let warmRss = settledRss();
  let isWarm = false;
  let shown = 0;
  const figures = await fuzzDecoder(frameCount, seed, (done) => {
    if (!isWarm && done > frameCount * WARM_PART) {
      isWarm = true;
      warmRss = settledRss();
    }
    if (done - shown < FRAMES_PER_LINE) return;
    shown = done;
    console.log(`decoder: ${done} frames`);
  });
  const growthMib = Math.round((settledRss() - warmRss) / (1024 * 1024));
  console.log(JSON.stringify({ part: "decoder", seed, growthMib, ...figures }));
  if (growthMib > RSS_GROWTH_MIB_MAX) problems.push(`the decoder's memory grew ${growthMib} MiB`);
}

async function runSockets(): Promise<void> {
  const width = Number(values.width);
  const note = (done: number): void => {
    const mib = Math.round(process.memoryUsage.rss() / (1024 * 1024));
    if (done % 5000 === 0) console.log(`sockets: ${done}, ${mib} MiB`);
  };
  const figures = await fuzzSockets({ socketCount, seed, width, note });
  console.log(JSON.stringify({ part: "sockets", seed, width, ...figures }));
  if (figures.downCount > 0) problems.push("the good connection went down");
  if (figures.rssGrowthMib > RSS_GROWTH_MIB_MAX) problems.push("memory grew");
  if (figures.malformedFrameCount === 0) problems.push("no malformed frame was counted");
}
