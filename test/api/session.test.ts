import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openToken } from "../../electron/agent/api/session.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-token-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

it("makes a token once, in a file only its owner can read", async () => {
  const first = await openToken(folder, randomBytes);
  const second = await openToken(folder, randomBytes);
  expect(first).toEqual(second);
  const path = join(folder, "api-token");
  expect(first).toEqual({ ok: true, value: (await readFile(path, "utf8")).trim() });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it("closes the file of a copied folder to others again", async () => {
  const made = await openToken(folder, randomBytes);
  await chmod(join(folder, "api-token"), 0o644);
  expect(await openToken(folder, randomBytes)).toEqual(made);
  expect((await stat(join(folder, "api-token"))).mode & 0o777).toBe(0o600);
});

it("replaces half a token", async () => {
  await writeFile(join(folder, "api-token"), "abc");
  const made = await openToken(folder, randomBytes);
  expect(made).toMatchObject({ ok: true, value: expect.stringMatching(/^[0-9a-f]{64}$/) });
});

it("says in one sentence that the folder cannot be used", async () => {
  const made = await openToken(join(folder, "missing"), randomBytes);
  expect(made).toMatchObject({ ok: false, error: { code: "not-writable" } });
});
