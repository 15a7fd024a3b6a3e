#!/usr/bin/env node
/**
 * The rules of the house that no linter knows: every exported name says what it is, every long
 * file says why it exists, names of files carry meaning, and the top level stays as it is.
 *
 * It reads syntax only. Whether a docstring is any good is for people to judge.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { filesBelow, ROOT } from "./project.mjs";

const FOLDERS = ["shared", "electron", "renderer", "test", "build"];
const EXPLAINED_FROM_LINES = 100;
const EMPTY_NAMES = new Set(["utils", "util", "helpers", "helper", "common", "manager", "misc"]);

/** Fixed by the user; beside it only what tools insist on finding there. */
const TOP_LEVEL = new Set([
  ...["package.json", "tsconfig.json", "electron", "renderer", "shared", "build", "test"],
  ...["README.md", "LICENSE", "CHANGELOG.md", "package-lock.json"],
  ...["node_modules", "dist", "release", "test-results", "demo-data"],
]);

/** @returns one line per broken rule, in the order of the files. */
export function checkHouse() {
  const files = FOLDERS.flatMap(filesBelow).filter((file) => !file.startsWith("build/canary/"));
  const sources = files.filter((file) => /\.(ts|mjs|cjs|svelte)$/.test(file));
  return [...checkTopLevel(), ...files.flatMap(checkName), ...sources.flatMap(checkSource)];
}

function checkTopLevel() {
  return readdirSync(ROOT)
    .filter((name) => !name.startsWith(".") && !TOP_LEVEL.has(name))
    .map((name) => `${name}: does not belong at the top level`);
}

function checkName(file) {
  const name = basename(file).split(".")[0]?.toLowerCase() ?? "";
  if (!EMPTY_NAMES.has(name)) return [];
  return [`${file}: "${name}" says nothing; name it after what it does`];
}

function checkSource(file) {
  const text = readFileSync(join(ROOT, file), "utf8");
  const problems = [];
  // How a component looks needs no words; what it does may.
  const lineCount = text.replace(/<style[\s\S]*<\/style>/, "").split("\n").length;
  // A test file says why it exists in the names of its tests.
  const isExplained = file.endsWith(".test.ts") || opensWithComment(text);
  if (lineCount > EXPLAINED_FROM_LINES && !isExplained) {
    problems.push(`${file}: ${lineCount} lines and no opening comment on why it exists`);
  }
  if (extname(file) !== ".svelte") problems.push(...checkExports(file, text));
  return problems;
}

function opensWithComment(text) {
  const body = text.replace(/^#!.*\n/, "").trimStart();
  const script = body.replace(/^<script[^>]*>\s*/, "");
  return /^(\/\*|\/\/|<!--)/.test(script);
}

function checkExports(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return source.statements.filter(isExported).flatMap((statement) => {
    if (hasDocstring(statement, text)) return [];
    const line = source.getLineAndCharacterOfPosition(statement.getStart()).line + 1;
    return namesOf(statement).map((name) => `${file}:${line}: "${name}" has no docstring`);
  });
}

function isExported(statement) {
  if (!ts.canHaveModifiers(statement)) return false;
  const kinds = ts.getModifiers(statement)?.map((modifier) => modifier.kind) ?? [];
  // A default export is a tool's configuration; the tool says what it is.
  return (
    kinds.includes(ts.SyntaxKind.ExportKeyword) && !kinds.includes(ts.SyntaxKind.DefaultKeyword)
  );
}

function hasDocstring(statement, text) {
  const comments = ts.getLeadingCommentRanges(text, statement.getFullStart()) ?? [];
  const last = comments.at(-1);
  return last !== undefined && text.startsWith("/**", last.pos);
}

function namesOf(statement) {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((each) => each.name.getText());
  }
  return [statement.name?.getText() ?? "default"];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const problems = checkHouse();
  for (const problem of problems) console.error(problem);
  process.exit(problems.length > 0 ? 1 : 0);
}
