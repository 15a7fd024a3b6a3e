/** Chromium for the tests that look at the window: which one, how it is started, what axe says. */
import { existsSync } from "node:fs";
import axe from "axe-core";
import { chromium, type Browser, type Page } from "playwright-core";

/** The browser to try the window in, or null where there is none. */
export const CHROMIUM =
  [process.env["TIDEMARK_CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
    (path) => path !== undefined && path !== "" && existsSync(path),
  ) ?? null;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the browser; it talks to loopback alone. */
export function launchChromium(): Promise<Browser> {
  if (CHROMIUM === null) throw new Error("there is no Chromium: install one or name it");
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** What axe-core objects to on a page, as `rule: element`. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const runner = (globalThis as unknown as { axe: AxeRunner }).axe;
    const { violations } = await runner.run(document);
    return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`));
  });
}

type AxeRunner = {
  run(root: Document): Promise<{
    violations: { id: string; nodes: { html: string }[] }[];
  }>;
};
