/**
 * The window of one real member in Chromium: how a person finds a banner, a cell, a dialog in
 * it, and everything the browser complained about meanwhile. It knows nothing of the cluster.
 *
 * A cell counts as shown only when a hit test finds it: text that is in the page but scrolled
 * away or covered does not.
 */
import type { BrowserContext, Locator, Page } from "playwright-core";

const WAIT_MS = 20_000;
/** The browser's own words while nobody answers; allowed only while a member is known dead. */
const CUT_OFF =
  /ERR_CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|ERR_EMPTY_RESPONSE|WebSocket connection to .* failed/;

/** Where a cell is, both counted from 0. */
export type CellPlace = { readonly row: number; readonly column: number };

/** A page that shows one member. */
export class MemberWindow {
  readonly page: Page;
  /** Policy violations, errors and warnings of the browser. */
  readonly complaints: string[] = [];
  /** Set while its member is dead: failed connections are then what must happen. */
  isCutOff = false;

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(WAIT_MS);
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (line) => {
      if (!["error", "warning"].includes(line.type())) return;
      if (!this.isCutOff || !CUT_OFF.test(line.text())) this.complaints.push(line.text());
    });
  }

  /** Opens a link that signs in, as `serve` prints it. */
  static async open(context: BrowserContext, openUrl: string): Promise<MemberWindow> {
    const window = new MemberWindow(await context.newPage());
    await window.page.addInitScript(prepareDocument);
    await window.page.goto(openUrl);
    return window;
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name, exact: typeof name === "string" });
  }

  /** Goes to a page of the window by its navigation. */
  async goTo(name: "Tables" | "History" | "Computers" | "SQL"): Promise<void> {
    await this.page.getByRole("link", { name, exact: true }).click();
  }

  /** Opens a table from the list of tables. */
  async openTable(name: string): Promise<void> {
    await this.goTo("Tables");
    await this.page.getByRole("link", { name: new RegExp(`^${name}\\b`) }).click();
    await this.page.getByRole("heading", { name, exact: true }).waitFor();
  }

  /** Waits until the banner says this. @returns when it did, in ms since 1970. */
  async bannerSays(sentence: string | RegExp): Promise<number> {
    const banner = this.page.getByRole("region", { name: "State of the workspace" });
    await banner.getByText(sentence).waitFor();
    return Date.now();
  }

  /** Runs a statement on the page of SQL, by keyboard. */
  async runSql(sql: string): Promise<void> {
    await this.page.locator(".cm-content").click();
    await this.page.keyboard.press("Control+a");
    await this.page.keyboard.insertText(sql);
    await this.page.keyboard.press("Escape");
    await this.page.keyboard.press("Control+Enter");
  }

  /** Waits until the lag chart has pixels. */
  async chartIsDrawn(): Promise<void> {
    await this.page.waitForFunction(() => {
      const canvas = document.querySelector<HTMLCanvasElement>(".uplot canvas");
      const context = canvas?.getContext("2d") ?? null;
      if (!canvas || !context) return false;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value !== 0);
    });
  }

  /** The number of a column of the grid. */
  async column(name: string): Promise<number> {
    const head = this.page.getByRole("columnheader", { name: new RegExp(`^${name}\\b`) });
    return Number(await head.getAttribute("aria-colindex")) - 2;
  }

  cell({ row, column }: CellPlace): Locator {
    return this.page.locator(`[data-row="${row}"][data-column="${column}"]`);
  }

  /** The text of a cell that a person sees now; null when it is not on screen. */
  cellOnScreen(place: CellPlace): Promise<string | null> {
    return this.page.evaluate((at) => window.textOnScreen(at), place);
  }

  /** Waits until a person sees the text in the cell. @returns when, in ms since 1970. */
  async cellShows(place: CellPlace, wanted: string): Promise<number> {
    const seen = await this.page.waitForFunction(
      ({ at, text }) => (window.textOnScreen(at) === text ? Date.now() : false),
      { at: place, text: wanted },
      { polling: "raf" },
    );
    return Number(await seen.jsonValue());
  }
}

declare global {
  interface Window {
    textOnScreen(place: CellPlace): string | null;
  }
}

/** Runs in the page before its own scripts. */
function prepareDocument(): void {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`);
  });
  window.textOnScreen = ({ row, column }) => {
    const cell = document.querySelector<HTMLElement>(
      `[data-row="${row}"][data-column="${column}"]`,
    );
    if (cell === null) return null;
    const box = cell.getBoundingClientRect();
    const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return hit !== null && cell.contains(hit) ? cell.innerText.trim() : null;
  };
}
