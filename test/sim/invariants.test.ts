/**
 * Every invariant of the simulator was seen to fire: by a planted bug that a world notices, or in a
 * unit test with one planted anomaly. And the page that lists them names them all.
 */
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NOTICED_BY } from "./noticed-by.ts";

const FILES = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".ts"));
const TESTS = FILES.filter((name) => name.endsWith(".test.ts"));
const SOURCES = FILES.filter((name) => !TESTS.includes(name) && name !== "expect-violation.ts");

/** What a world can be told to have broken. */
const NAMES = found(SOURCES, [
  /uphold\([^;]*?,\s*"([a-z0-9-]+)",\s*\(\) =>/g,
  /new Violation\("([a-z0-9-]+)"/g,
  /invariant: "([a-z0-9-]+)"/g,
]);
const FIRED = found(TESTS, [/expectViolation\(\s*"([a-z0-9-]+)"/g]);
const NOTICED = Object.values(NOTICED_BY).map(([, invariant]) => invariant);

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), "utf8");
}

function found(files: readonly string[], patterns: readonly RegExp[]): readonly string[] {
  const text = files.map(read).join("\n");
  const names = patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap(([, name]) => (name === undefined ? [] : [name])),
  );
  return [...new Set(names)];
}

describe("the invariants", () => {
  it("are all found in the sources: no check is written in another way", () => {
    const calls = [
      ...SOURCES.map(read)
        .join("\n")
        .matchAll(/\buphold\(/g),
    ].length;
    const understood = SOURCES.flatMap((name) => [
      ...read(name).matchAll(/uphold\([^;]*?,\s*"([a-z0-9-]+)",\s*\(\) =>/g),
    ]).length;
    // The one more is `uphold` itself.
    expect(understood).toBe(calls - 1);
  });

  it("were each seen to fire", () => {
    const seen = [...NOTICED, ...FIRED];
    expect(NAMES.filter((name) => !seen.includes(name))).toEqual([]);
  });

  it("exist, where a planted bug or a test names one", () => {
    expect([...NOTICED, ...FIRED].filter((name) => !NAMES.includes(name))).toEqual([]);
  });

  it("are in the table of the page", () => {
    const page = read("DESIGN.md");
    expect(NAMES.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
