/**
 * The pages that say what is where, and which test guards what, keep their word: every file is
 * told of, and every row names tests, planted bugs and scenarios that exist under that very name.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { NO_FAULTS } from "../../shared/raft/faults.ts";
import { DIRECTED } from "./directed-bugs.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = read("shared/raft/DESIGN.md");
const ROWS = PAGE.split("\n").filter((line) => /^\| \d+ \|/.test(line));
const NOTICED_BUGS = read("test/sim/noticed-by.ts");
const SCENARIOS = readdirSync(new URL("scenarios/", import.meta.url));
const BUGS = Object.keys(NO_FAULTS).filter((name) => name !== "skipInvariants");

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** What the last column of a row names, one by one: `a: *b*, *c*; d` is two pieces. */
function piecesOf(row: string): readonly string[] {
  const columns = row.split("|").map((column) => column.trim());
  return columns.length === 6 ? (columns[4] ?? "").split("; ") : ["not four columns"];
}

/** What is wrong with a piece, or null. Every piece is of one of these forms; words are none. */
function problemOf(piece: string): string | null {
  const [, file, named] = /^([a-z]+\/[a-z-]+):? (.+)$/.exec(piece) ?? [];
  if (file !== undefined && named !== undefined) return problemOfTests(file, named);
  const planted = /^\*sim\* ([a-z-]+)$/.exec(piece)?.[1];
  if (planted !== undefined) return unless(NOTICED_BUGS.includes(`\n  "${planted}": [`), planted);
  const bugs = /^bugs?: (.+)$/.exec(piece)?.[1]?.split(", ");
  if (bugs !== undefined) return all(bugs, (bug) => BUGS.includes(bug));
  return all(piece.split(", "), (scenario) => SCENARIOS.includes(scenario));
}

function problemOfTests(file: string, named: string): string | null {
  const titles = titlesIn(file);
  if (named === "(all)") return unless(titles.length > 0, file);
  if (!/^\*[^*]+\*(, \*[^*]+\*)*$/.test(named)) return `${file}: ${named}`;
  const names = named.slice(1, -1).split("*, *");
  return all(names, (name) => titles.some((title) => title.test(name)));
}

function all(names: readonly string[], isThere: (name: string) => boolean): string | null {
  const missing = names.filter((name) => !isThere(name));
  return missing.length === 0 ? null : missing.join(", ");
}

function unless(isThere: boolean, name: string): string | null {
  return isThere ? null : name;
}

/** The titles of all tests and groups of a file that run, each to be met from its first letter to its last. */
function titlesIn(file: string): readonly RegExp[] {
  const path = [`test/${file}.test.ts`, `test/${file}.ts`].find((each) =>
    existsSync(new URL(each, ROOT)),
  );
  if (path === undefined) return [];
  const titles: RegExp[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isCallExpression(node) &&
      /^(it|test|describe)(\.each\b|$)/.test(node.expression.getText())
    ) {
      const title = node.arguments[0];
      if (title && (ts.isStringLiteralLike(title) || ts.isTemplateExpression(title)))
        titles.push(patternOf(title));
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true));
  return titles;
}

/** A title with a number in it is met with any number. */
function patternOf(title: ts.StringLiteralLike | ts.TemplateExpression): RegExp {
  const parts = ts.isTemplateExpression(title)
    ? [title.head.text, ...title.templateSpans.map((span) => span.literal.text)]
    : [title.text];
  const literal = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${literal.join(String.raw`\d+`)}$`);
}

describe("the core", () => {
  it("finishes every thought: it waits for nothing between reading state and acting on it", () => {
    const folder = new URL("shared/raft/", ROOT);
    const waiting = readdirSync(folder).filter(
      (name) =>
        name.endsWith(".ts") && /\b(async|await|Promise)\b/.test(read(`shared/raft/${name}`)),
    );
    expect(waiting).toEqual([]);
  });

  it("has a page that tells of each of its files, and of no other", () => {
    const table = PAGE.slice(
      PAGE.indexOf("## Who does what"),
      PAGE.indexOf("## The driver's part"),
    );
    const told = [...table.matchAll(/`([a-z-]+\.ts)`/g)].map(([, name]) => name);
    const files = readdirSync(new URL("shared/raft/", ROOT)).filter((name) => name.endsWith(".ts"));
    expect(told.sort()).toEqual(files.sort());
  });

  it("has thirty planted bugs, and a page that says how they are noticed", () => {
    expect(BUGS).toHaveLength(30);
    expect(Object.keys(DIRECTED)).toHaveLength(15);
    expect(PAGE).toContain("Thirty planted bugs (`planted-bugs.test.ts`): fifteen are noticed");
  });
});

describe("the fifty answers", () => {
  it("are fifty, in order", () => {
    const numbers = ROWS.map((row) => Number(row.split("|")[1]));
    expect(numbers).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it.each(ROWS.map((row) => [Number(row.split("|")[1]), row] as const))(
    "name tests that exist under the very title, in the very file: row %i",
    (_number, row) => {
      const problems = piecesOf(row).map((piece) => [piece, problemOf(piece)] as const);
      expect(problems.filter(([, problem]) => problem !== null)).toEqual([]);
    },
  );

  it("name every bug that can be planted in the core", () => {
    const named = ROWS.flatMap((row) => piecesOf(row))
      .filter((piece) => /^bugs?: /.test(piece))
      .flatMap((piece) => piece.replace(/^bugs?: /, "").split(", "));
    expect(BUGS.filter((bug) => !named.includes(bug))).toEqual([]);
  });

  it.each([
    ["a test that is not there", "raft/flow: *leaves ahead of the entries*"],
    ["a test of another file", "raft/flow: *leaves only after it is on disk*"],
    ["one of two that is not there", "raft/election: *leaves only after it is on disk*, *nothing*"],
    ["a file that is not there", "raft/nothing (all)"],
    ["a bug that nobody can plant", "bugs: forgetVote, forgetNothing"],
    ["a bug that worlds do not notice", "*sim* never-noticed"],
    ["a scenario that is not there", "sleep.txt, nothing.txt"],
    ["words that name nothing", "the same test"],
  ])("would not do with %s", (_name, piece) => {
    expect(problemOf(piece)).not.toBeNull();
  });
});
