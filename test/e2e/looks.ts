/**
 * What a page looks like and how it can be used, in both themes, on a desk and on a phone: axe
 * finds nothing, nothing is wider than the screen, and, when TIDEMARK_SCREENSHOTS is set, a
 * picture goes to `build/screenshots`. It knows nothing of what the page shows.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
import { axeViolations } from "../support/chromium.ts";
import { MemberWindow } from "./member-window.ts";

const SCREENSHOTS =
  process.env["TIDEMARK_SCREENSHOTS_FOLDER"] ??
  fileURLToPath(new URL("../../build/screenshots", import.meta.url));
const PNG_BYTES_MAX = 200_000;
const SIZES = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
] as const;

/** Whether pictures are wanted, on all of the data. */
export const ARE_SCREENSHOTS_WANTED = process.env["TIDEMARK_SCREENSHOTS"] === "1";

/** The pages and dialogs of the product that are looked at. */
export type Look =
  | ("grid" | "history" | "computers" | "first-run" | "sql" | "past" | "backups")
  | ("import-csv" | "import-sqlite" | "export" | "take-back");

/** What is looked at. */
export type Viewing = {
  readonly look: Look;
  /** The link that signs in. */
  readonly openUrl: string;
  /** Goes to the page and resolves when all of it is there. */
  readonly show: (window: MemberWindow) => Promise<void>;
};

/**
 * Looks at a page in every theme and size. Each look has a browser window of its own: Chromium
 * draws a page at a crawl once its theme was changed while another one was in front.
 */
export async function expectGoodLooks(browser: Browser, viewing: Viewing): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const viewport of SIZES) {
      const name = `${viewing.look}-${colorScheme}-${viewport.width}`;
      const context = await browser.newContext({ colorScheme, viewport });
      try {
        const window = await MemberWindow.open(context, viewing.openUrl);
        await viewing.show(window);
        expect(await axeViolations(window.page), name).toEqual([]);
        const widthPx = await window.page.evaluate(() => document.documentElement.scrollWidth);
        expect(widthPx, `${name} is not wider than the screen`).toBe(viewport.width);
        if (ARE_SCREENSHOTS_WANTED) await shoot(window.page, name);
        expect(window.complaints, name).toEqual([]);
      } finally {
        await context.close();
      }
    }
  }
}

async function shoot(page: Page, name: string): Promise<void> {
  const image = await page.screenshot();
  expect(image.byteLength, `${name}.png`).toBeLessThan(PNG_BYTES_MAX);
  await writeFile(`${SCREENSHOTS}/${name}.png`, image);
}
