import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "./boot.ts";

let folder: string;
let ask: (address: string, method?: string) => Promise<Response>;

beforeEach(async () => {
  const outside = temporaryFolder();
  folder = join(outside, "renderer");
  mkdirSync(join(folder, "assets"), { recursive: true });
  writeFileSync(join(folder, "index.html"), "<!doctype html>");
  writeFileSync(join(folder, "assets/index-1.js"), "export {};");
  writeFileSync(join(folder, "settings.yaml"), "kind: not for pages");
  writeFileSync(join(outside, "secret.json"), '{"token":"secret"}');
  mkdirSync(join(outside, "renderer-other"));
  writeFileSync(join(outside, "renderer-other/secret.json"), "secret");
  vi.resetModules();
  const { protocol } = await import("./electron-stand-in.ts");
  const { serveAppFiles } = await import("../../electron/main/app-protocol.ts");
  serveAppFiles(folder);
  const handler = protocol.handlers.get("app")!;
  ask = (address, method = "GET") => handler({ url: address, method } as Request);
});

describe("app://", () => {
  test.each([
    ["app://tidemark/", "text/html; charset=utf-8"],
    ["app://tidemark/index.html?x=1#tables", "text/html; charset=utf-8"],
    ["app://tidemark/assets/index-1.js", "text/javascript; charset=utf-8"],
  ])("answers %s", async (address, contentType) => {
    const answer = await ask(address);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe(contentType);
    expect((await answer.text()).length).toBeGreaterThan(0);
  });

  test.each([
    "app://tidemark/../secret.json",
    "app://tidemark/..%2fsecret.json",
    "app://tidemark/%2e%2e/secret.json",
    "app://tidemark/%2e%2e%2fsecret.json",
    "app://tidemark/assets/..%2f..%2fsecret.json",
    "app://tidemark/..%5csecret.json",
    "app://tidemark/..%2frenderer-other/secret.json",
    "app://tidemark/C:/secret.json",
    "app://tidemark/%00.html",
    "app://tidemark/%ff.html",
    "app://tidemark/assets",
    "app://tidemark/settings.yaml",
    "app://tidemark/missing.js",
    "app://other/index.html",
    "app://tidemark:80/index.html",
    "file:///etc/passwd",
    "nonsense",
  ])("refuses %s", async (address) => {
    const answer = await ask(address);
    expect(answer.status).toBe(404);
    expect(await answer.text()).not.toContain("secret");
  });

  test("answers nothing but GET", async () => {
    expect((await ask("app://tidemark/index.html", "POST")).status).toBe(405);
  });

  test("sends a policy that allows no inline code, no frames, no foreign content", async () => {
    for (const address of ["app://tidemark/", "app://tidemark/missing.js"]) {
      const { headers } = await ask(address);
      const policy = headers.get("content-security-policy")!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("style-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:|ws:/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
  });
});
