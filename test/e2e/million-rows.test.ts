import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, launchChromium } from "../support/chromium.ts";
import { RealCluster } from "../support/real-cluster.ts";
import { MemberWindow } from "./member-window.ts";

const ROW_COUNT = 1_000_000;
/** A transaction of this many rows stays far below the largest one allowed. */
const BATCH_ROW_COUNT = 250_000;

describe.skipIf(CHROMIUM === null)("a table of a million rows in the window", () => {
  let cluster: RealCluster;
  let browser: Browser;
  let window: MemberWindow;

  beforeAll(async () => {
    browser = await launchChromium();
    cluster = await RealCluster.create(1);
    const member = cluster.member(0);
    await member.execute("CREATE TABLE readings (id INTEGER PRIMARY KEY, sensor TEXT)");
    for (let first = 1; first <= ROW_COUNT; first += BATCH_ROW_COUNT) {
      await member.execute(
        "INSERT INTO readings WITH RECURSIVE n(id) AS " +
          "(VALUES (?1) UNION ALL SELECT id + 1 FROM n WHERE id < ?2) " +
          "SELECT id, 'sensor-' || (id % 9) FROM n",
        [first, first + BATCH_ROW_COUNT - 1],
      );
    }
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    window = await MemberWindow.open(context, member.openUrl);
    await window.openTable("readings");
    await window.page.getByText("1,000,000 rows", { exact: true }).waitFor();
  });

  afterAll(async () => {
    await browser.close();
    await cluster.dispose();
  });

  test("the keyboard goes to the last row and back to the first", async () => {
    const grid = window.page.getByRole("grid");
    await grid.press("Control+End");
    await window.cellShows({ row: ROW_COUNT - 1, column: 0 }, String(ROW_COUNT));
    await grid.press("ArrowUp");
    await window.cellShows({ row: ROW_COUNT - 2, column: 0 }, String(ROW_COUNT - 1));
    await grid.press("Control+Home");
    await window.cellShows({ row: 0, column: 0 }, "1");
  });

  test("the scroll bar reaches the middle, and each row there has its own values", async () => {
    const grid = window.page.getByRole("grid");
    await grid.evaluate((element) => (element.scrollTop = element.scrollHeight / 2));
    const active = await window.page.waitForFunction(() => {
      const head = document.querySelector("[role=columnheader]")?.getBoundingClientRect();
      const below = document.elementFromPoint((head?.left ?? 0) + 20, (head?.bottom ?? 0) + 40);
      const row = Number(below?.closest<HTMLElement>("[data-gutter]")?.dataset["gutter"] ?? -1);
      return row > 400_000 && row < 600_000 ? row : false;
    });
    const row = Number(await active.jsonValue());
    expect(Math.abs(row - ROW_COUNT / 2)).toBeLessThan(100);
    await window.cellShows({ row, column: 0 }, String(row + 1));
    await window.cellShows({ row, column: 1 }, `sensor-${(row + 1) % 9}`);
    expect(window.complaints).toEqual([]);
  });
});
