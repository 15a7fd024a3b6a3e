/**
 * `npm run sim -- --bugs`: plants every mistake in turn and looks for the first world that
 * notices. A mistake that no world notices says that the simulator does not look there; those
 * that other tests are asked for are named with their place.
 */
import { NOTICED_ELSEWHERE, PLANTED_BUGS } from "./planted-bugs.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import type { SimOutcome } from "./run-seed.ts";
import type { SimOptions } from "./sim-options.ts";
import { expandSeed } from "./sim-options.ts";

type Run = (options: SimOptions) => Promise<SimOutcome>;

/** The first world from `firstSeed` on that notices the bug; null when none of them does. */
export async function huntBug(
  bug: PlantedBug,
  seeds: { readonly first: number; readonly count: number },
  run: Run,
): Promise<SimOutcome | null> {
  for (let seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
    const outcome = await run(expandSeed(seed, bug));
    if (outcome.violation !== null) return outcome;
  }
  return null;
}

/** Prints a line for each bug. @returns how many were not noticed. */
export async function printBugTable(
  seeds: { readonly first: number; readonly count: number },
  run: Run,
): Promise<number> {
  console.log(line(["planted bug", "item", "worlds", "noticed by"]));
  let missedCount = 0;
  const sought = PLANTED_BUGS.filter((bug) => NOTICED_ELSEWHERE[bug.name] === undefined);
  for (const bug of sought) {
    const caught = await huntBug(bug, seeds, run);
    if (caught === null) missedCount++;
    const worlds =
      caught === null ? `> ${seeds.count}` : `${caught.options.seed - seeds.first + 1}`;
    console.log(line([bug.name, bug.item, worlds, caught?.violation?.invariant ?? "nobody"]));
  }
  console.log(`sim: ${sought.length - missedCount} of ${sought.length} bugs noticed`);
  console.log("Worlds are not asked for these, others notice them:");
  for (const [name, place] of Object.entries(NOTICED_ELSEWHERE)) {
    console.log(`${name.padEnd(40)}${place}`);
  }
  return missedCount;
}

function line([name = "", item = "", worlds = "", invariant = ""]: readonly string[]): string {
  return `${name.padEnd(40)}${item.padEnd(6)}${worlds.padStart(8)}  ${invariant}`;
}
