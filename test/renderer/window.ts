/**
 * Builds the window and opens it in Chromium with a mock agent behind it. Knows nothing of what
 * the tests look at.
 */
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { launchChromium } from "../support/chromium.ts";
import { startMockAgent, type MockAgent } from "../support/mock-agent.ts";
import { sampleDatabase } from "../support/mock-data.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The built window in a browser, with a mock agent behind it. */
export class WindowUnderTest {
  readonly agent: MockAgent;
  /** Everything the browser complained about: policy violations, errors, warnings. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];

  constructor(agent: MockAgent, browser: Browser) {
    this.agent = agent;
    this.#browser = browser;
  }

  /** @param options.folder Of the built window: files of tests run side by side. */
  static async start(options: {
    readonly folder: string;
    readonly readingCount: number;
  }): Promise<WindowUnderTest> {
    const folder = `${ROOT}.cache/${options.folder}`;
    await build({
      configFile: `${ROOT}build/vite.renderer.config.ts`,
      logLevel: "error",
      build: { outDir: folder, minify: false },
    });
    const agent = await startMockAgent({
      folder,
      database: await sampleDatabase(options.readingCount),
    });
    return new WindowUnderTest(agent, await launchChromium());
  }

  async open(
    place: string,
    options: { readonly scheme?: "light" | "dark"; readonly isPhone?: boolean } = {},
  ): Promise<Page> {
    const context = await this.#browser.newContext({
      colorScheme: options.scheme ?? "light",
      viewport: options.isPhone ? { width: 390, height: 844 } : { width: 1280, height: 800 },
      permissions: ["clipboard-read", "clipboard-write"],
    });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (line) => {
      const isNetwork = /WebSocket connection|Failed to load resource/.test(line.text());
      if (["error", "warning"].includes(line.type()) && !isNetwork) {
        this.complaints.push(line.text());
      }
    });
    await page.goto(`${this.agent.url}${place}`);
    return page;
  }

  async closePages(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.agent.close();
    this.agent.database.close();
  }
}

/** The cell of a row and a column, both counted from 0, hit-tested: it must really be on screen. */
export async function cellOnScreen(
  page: Page,
  row: number,
  column: number,
): Promise<string | null> {
  return page.evaluate(
    ([wantedRow, wantedColumn]) => {
      const cell = document.querySelector<HTMLElement>(
        `[data-row="${wantedRow}"][data-column="${wantedColumn}"]`,
      );
      if (cell === null) return null;
      const box = cell.getBoundingClientRect();
      const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      return hit !== null && cell.contains(hit) ? cell.innerText : null;
    },
    [row, column],
  );
}
