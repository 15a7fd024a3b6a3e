/** The page that says which test guards what names only tests, bugs and scenarios that exist. */
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NO_FAULTS } from "../../shared/raft/faults.ts";

const ROOT = new URL("../../", import.meta.url);
const ROWS = read("shared/raft/DESIGN.md")
  .split("\n")
  .filter((line) => /^\| \d+ \|/.test(line));

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** All text of the tests of an area, in which a test's name must be found. */
function textOf(folder: string): string {
  return readdirSync(new URL(`test/${folder}/`, ROOT))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => read(`test/${folder}/${name}`))
    .join("\n");
}

const AREAS = "raft log sim store replica cluster protocol members contract".split(" ");
const ALL_TESTS = AREAS.map(textOf).join("\n");

describe("the core", () => {
  it("finishes every thought: it waits for nothing between reading state and acting on it", () => {
    const folder = new URL("shared/raft/", ROOT);
    const waiting = readdirSync(folder).filter(
      (name) =>
        name.endsWith(".ts") && /\b(async|await|Promise)\b/.test(read(`shared/raft/${name}`)),
    );
    expect(waiting).toEqual([]);
  });
});

describe("the fifty answers", () => {
  it("are fifty, in order", () => {
    const numbers = ROWS.map((row) => Number(row.split("|")[1]));
    expect(numbers).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it("name tests that exist", () => {
    const names = ROWS.flatMap((row) =>
      [...row.matchAll(/(?<=[:,] )\*([^*]+)\*/g)].map((found) => found[1]),
    );
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !ALL_TESTS.includes(name ?? ""))).toEqual([]);
  });

  it("name planted bugs and scenarios that exist", () => {
    const bugs = ROWS.flatMap((row) => /bugs?: ([A-Za-z, ]+)/.exec(row)?.[1]?.split(", ") ?? []);
    expect(bugs.filter((bug) => !(bug.trim() in NO_FAULTS))).toEqual([]);
    const scenarios = readdirSync(new URL("scenarios/", import.meta.url));
    const told = ROWS.flatMap((row) => [...row.matchAll(/[a-z0-9-]+\.txt/g)].map(([name]) => name));
    expect(told.filter((name) => !scenarios.includes(name))).toEqual([]);
    const inWorlds = ROWS.flatMap((row) => [...row.matchAll(/\*sim\* ([a-z-]+)/g)]);
    const plants = read("test/sim/planted-bugs.ts");
    expect(
      inWorlds.map((found) => found[1]).filter((name) => !plants.includes(name ?? "")),
    ).toEqual([]);
  });
});
