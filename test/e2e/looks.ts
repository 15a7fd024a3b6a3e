/**
 * What a page looks like and how it can be used, in both themes, on a desk and on a phone: axe
 * finds nothing, nothing is wider than the screen, and, when TIDEMARK_SCREENSHOTS is set, a
 * picture goes to `build/screenshots`. It knows nothing of what the page shows.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { axeViolations } from "../support/chromium.ts";

const SCREENSHOTS = fileURLToPath(new URL("../../build/screenshots", import.meta.url));
const PNG_BYTES_MAX = 200_000;
const SIZES = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
] as const;

/** Whether pictures are wanted, on all of the data. */
export const ARE_SCREENSHOTS_WANTED = process.env["TIDEMARK_SCREENSHOTS"] === "1";

/** The pages of the product that have pictures. */
export type Look = "grid" | "computers" | "first-run" | "sql";

/** Looks at the page in every theme and size, then puts it back as it was. */
export async function expectGoodLooks(page: Page, look: Look): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const size of SIZES) {
      await page.setViewportSize(size);
      await drawn(page);
      const name = `${look}-${colorScheme}-${size.width}`;
      expect(await axeViolations(page), name).toEqual([]);
      const widthPx = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(widthPx, `${name} is not wider than the screen`).toBe(size.width);
      if (ARE_SCREENSHOTS_WANTED) await shoot(page, name);
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
  await page.setViewportSize(SIZES[0]);
}

/** Resolves when another theme or size has reached the screen. */
function drawn(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        requestAnimationFrame(() => requestAnimationFrame(resolve));
      }),
  );
}

async function shoot(page: Page, name: string): Promise<void> {
  const image = await page.screenshot();
  expect(image.byteLength, `${name}.png`).toBeLessThan(PNG_BYTES_MAX);
  await writeFile(`${SCREENSHOTS}/${name}.png`, image);
}
