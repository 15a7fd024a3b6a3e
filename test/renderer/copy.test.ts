/** The check of this computer's copy and its repair, in Chromium against a mock agent. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { axeViolations, CHROMIUM } from "../support/chromium.ts";
import { MockCopy } from "../support/mock-copy.ts";
import { WindowUnderTest } from "./window.ts";

let app: WindowUnderTest;

describe.skipIf(CHROMIUM === null)("the copy of this computer in the window", () => {
  beforeAll(async () => {
    app = await WindowUnderTest.start({ folder: "copy-under-test", readingCount: 10 });
  }, 240_000);

  beforeEach(() => {
    app.agent.cluster.copy = new MockCopy();
  });

  afterEach(async () => {
    await app.closePages();
    expect(app.complaints.splice(0)).toEqual([]);
  });

  afterAll(() => app.close());

  async function check(options: Parameters<WindowUnderTest["open"]>[1] = {}): Promise<Page> {
    const page = await app.open("#/computers", options);
    await page.getByRole("button", { name: "Check this copy" }).click();
    return page;
  }

  it("is called identical to the leader's where it was compared, and offers no repair", async () => {
    const page = await check();
    await page.getByText("Every row is identical to the leader's").waitFor();
    expect(await page.getByRole("button", { name: "Repair this copy" }).count()).toBe(0);
  });

  it("is not called so where the leader was not heard", async () => {
    app.agent.cluster.copy.comparedWith = "own-log";
    const page = await check();
    await page.getByText("the leader's was not heard there").waitFor();
    expect(await page.getByText("identical to the leader").count()).toBe(0);
  });

  it("shows each row that differs, and repairs it once a person has said so", async () => {
    const { copy } = app.agent.cluster;
    copy.finding = "rows-differ";
    const page = await check();
    const section = page.getByRole("region", { name: "What differs on this computer" });
    await section.getByText("patients: 1 row missing, 1 row with other values").waitFor();
    await section.getByText("readings: 240 rows too many").waitFor();
    await section.getByText("comes after 70 here, and should come after 12").waitFor();
    await section.getByText("And 239 more rows.").waitFor();
    const changed = section.getByRole("row").filter({ hasText: "Eve" });
    expect(await changed.locator("del").textContent()).toContain("Eve");
    expect(await changed.locator("ins").textContent()).toContain("Ada");
    const repair = section.getByRole("button", { name: "Repair this copy" });
    await repair.click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("no other computer is touched").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    expect(copy.repairCount).toBe(0);
    await repair.click();
    await dialog.getByRole("button", { name: "Repair" }).click();
    await page.getByText("Repaired: 242 rows put right").waitFor();
    await page.getByText("Every row is identical to the leader's").waitFor();
    expect(await section.count()).toBe(0);
    expect(copy.repairCount).toBe(1);
  });

  it("that could not be proven is said to be as it was, and still differs", async () => {
    const { copy } = app.agent.cluster;
    copy.finding = "rows-differ";
    copy.outcome = "is-rolled-back";
    const page = await check();
    await page.getByRole("button", { name: "Repair this copy" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Repair" }).click();
    await page.getByText("so nothing was changed").waitFor();
    await page.getByText("This copy is damaged").waitFor();
  });

  it.each([
    ["log-differs", "own log is not the leader's"],
    ["no-proof", "Nothing that is kept on this computer"],
  ] as const)(
    "of %s is not repaired from the own log, and says what helps",
    async (finding, told) => {
      app.agent.cluster.copy.finding = finding;
      const page = await check();
      await page.getByText(told).waitFor();
      expect(await page.getByRole("button", { name: "Repair this copy" }).count()).toBe(0);
    },
  );

  it.each([
    ["light", false],
    ["dark", true],
  ] as const)(
    "has no violation of accessibility rules (%s, phone: %s)",
    async (scheme, isPhone) => {
      app.agent.cluster.copy.finding = "rows-differ";
      const page = await check({ scheme, isPhone });
      await page.getByText("And 239 more rows.").waitFor();
      expect(await axeViolations(page)).toEqual([]);
      expect(await page.evaluate(() => document.body.scrollWidth > window.innerWidth)).toBe(false);
      if (process.env["SHOTS"]) {
        await page.setViewportSize({ width: isPhone ? 390 : 1280, height: 1400 });
        await page.screenshot({ path: `${process.env["SHOTS"]}/copy-${scheme}.png` });
      }
    },
  );
});
