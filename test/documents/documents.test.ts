import { existsSync, readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const DOCUMENTS = ["README.md", "CHANGELOG.md", ...documentsBelow(["shared", "electron", "test"])];
const README = read("README.md");

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

function documentsBelow(folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, ROOT), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name.replaceAll("\\", "/")}`),
  );
}

function matches(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, found]) => found ?? "");
}

describe("the documents", () => {
  it("link only to files that exist", () => {
    const missing = DOCUMENTS.flatMap((path) =>
      matches(read(path), /\]\(([^)#:]+)\)/g)
        .filter((link) => !existsSync(new URL(link, new URL(path, ROOT))))
        .map((link) => `${path}: ${link}`),
    );
    expect(missing).toEqual([]);
  });

  it("name commands that exist, and every command is named", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const texts = [...DOCUMENTS, "build/DESIGN.md"].map(read).join("\n");
    const named = new Set(
      matches(texts, /\bnpm (?:run )?(?!run\b|ci\b|test\b|packages\b)([a-z0-9]+)\b/g),
    );
    const existing = Object.keys(scripts).filter((name) => name !== "test");
    expect(matches(texts, /\bnpm run ([a-z0-9]+)/g).filter((name) => !(name in scripts))).toEqual(
      [],
    );
    expect(existing.filter((name) => !named.has(name))).toEqual([]);
  });
});

describe("each promise of the README", () => {
  const rows = README.split("\n").filter((line) => /^\| .*\]\(test\//.test(line));

  it("names a test that exists, by its words, in a file that the row or the one before links", () => {
    let texts = "";
    const missing = rows.flatMap((row) => {
      const linked = matches(row, /\]\((test\/[^)]+)\)/g)
        .map(read)
        .join("\n");
      texts = row.includes("the same file") ? texts + linked : linked;
      return matches(row, /(?<=[:,] )\*([^*]+)\*/g).filter((name) => !texts.includes(name));
    });
    expect(missing).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(10);
  });
});

describe("each SQL feature in the store's page", () => {
  const rows = read("electron/store-worker/DESIGN.md")
    .split("\n")
    .filter((line) => /\.test\.ts`: \*/.test(line));

  it("names tests that exist, by their words", () => {
    const missing = rows.flatMap((row) => {
      const [file = ""] = matches(row, /`([^`]+\.test\.ts)`/g);
      // The formatter may break a long title into two texts.
      const text = read(`test/store/${file}`).replaceAll(/"\s*\+\s*"/g, "");
      return matches(row, /(?<=[:,] )\*([^*]+)\*/g).filter((name) => !text.includes(name));
    });
    expect(missing).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(30);
  });
});
