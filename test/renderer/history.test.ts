/** The page of what was changed, a row's past, and taking back, in Chromium against a mock agent. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, CHROMIUM } from "../support/chromium.ts";
import { WindowUnderTest } from "./window.ts";

let app: WindowUnderTest;

const wide = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.body.scrollWidth > window.innerWidth);

async function openTransaction(words: RegExp, options?: { readonly isPhone?: boolean }) {
  const page = await app.open("#/history", options);
  await page.getByRole("link", { name: words }).click();
  await page.getByRole("heading", { name: /^Transaction/ }).waitFor();
  return page;
}

describe.skipIf(CHROMIUM === null)("the past in the window", () => {
  beforeAll(async () => {
    app = await WindowUnderTest.start({ folder: "history-under-test", readingCount: 100 });
  }, 120_000);

  afterEach(async () => {
    app.agent.cluster.leader = 0;
    await app.closePages();
    expect(app.complaints.splice(0)).toEqual([]);
  });

  afterAll(() => app.close());

  it("lists what was changed in words, the newest first, down to where the log begins", async () => {
    const page = await app.open("#/history");
    const lines = page.getByRole("navigation", { name: "History" }).getByRole("listitem");
    await lines.first().waitFor();
    expect(await lines.locator(".what").allTextContents()).toEqual([
      "patients: 1 row changed, 1 row deleted",
      "patients: 1 row changed",
      "rooms: 3 rows added; patients: 1 row changed",
      "CREATE TABLE rooms (code TEXT PRIMARY KEY, beds INTEGER) WITHOUT ROWID",
      "suppliers: 2 rows added",
      "suppliers: 1 row added",
    ]);
    await page.getByText("The log kept here begins there").waitFor();
  });

  it("shows each row of a transaction before and after, and says how", async () => {
    const page = await openTransaction(/1 row deleted/);
    const rows = page.getByRole("region", { name: "patients" }).locator("tbody tr");
    await rows.first().waitFor();
    expect(await rows.nth(0).locator("del").allInnerTexts()).toEqual(["NULL"]);
    expect(await rows.nth(0).locator("ins").allInnerTexts()).toEqual(["Latex"]);
    expect(await rows.nth(1).locator("del").count()).toBe(0);
    expect(await rows.nth(1).getByRole("rowheader").textContent()).toContain("Deleted");
  });

  it("takes a transaction back after saying what changes, and goes to the one that did it", async () => {
    const page = await openTransaction(/3 rows added/);
    await page.getByRole("button", { name: "Take back…" }).click();
    await page.getByText("4 rows go back to what they were.").waitFor();
    const before = app.agent.cluster.index;
    await page.getByRole("button", { name: "Take back", exact: true }).click();
    await page.getByText(`Done: 4 rows were changed, at 7:${before + 1}.`).waitFor();
    expect(page.url()).toContain(`#/history/${before + 1}`);
  });

  it("lists what stands in the way, and offers nothing then", async () => {
    const page = await openTransaction(/^patients: 1 row changed Tue|^patients: 1 row changed \d/);
    await page.getByRole("button", { name: "Take back…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("The row id=1 of patients was changed since.").waitFor();
    const differing = await dialog.locator("dl").innerText();
    expect(differing.replaceAll(/\s+/g, " ")).toBe(
      "name it left Ada Byron, today it is Ada Lovelace",
    );
    expect(await dialog.getByRole("button", { name: "Take back", exact: true }).count()).toBe(0);
    expect(await axeViolations(page)).toEqual([]);
  });

  it("takes a whole import back from any of its transactions, and says which tables went with it", async () => {
    const page = await openTransaction(/^suppliers: 2 rows added/);
    await page.getByText("part of an import").waitFor();
    await page.getByRole("button", { name: "Take back this import…" }).click();
    const dialog = page.getByRole("dialog", { name: "Take back the whole import?" });
    await dialog.getByText("2 rows go back to what they were.").waitFor();
    await dialog.getByText("Dropped again, unless rows of others are in it by then").waitFor();
    expect(await axeViolations(page)).toEqual([]);
    const before = app.agent.cluster.index;
    await dialog.getByRole("button", { name: "Take back", exact: true }).click();
    const done = `Done: 2 rows were changed, at 7:${before + 1}. Dropped again: suppliers.`;
    await page.getByText(done).waitFor();
    expect(page.url()).toContain(`#/history/${before + 1}`);
  });

  it("lists what stands in the way of taking an import back, and offers it for imports alone", async () => {
    const page = await openTransaction(/^suppliers: 1 row added/);
    await page.getByRole("button", { name: "Take back this import…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("The row id=1 of suppliers was changed since.").waitFor();
    expect(await dialog.getByRole("button", { name: "Take back", exact: true }).count()).toBe(0);
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await page.getByRole("link", { name: /3 rows added/ }).click();
    await page.getByRole("heading", { name: "Transaction 7:18206" }).waitFor();
    expect(await page.getByRole("button", { name: "Take back this import…" }).count()).toBe(0);
  });

  it("brings a row back to a former state after showing what changes", async () => {
    const page = await app.open("#/tables/patients");
    await page.getByText("Ada Byron").first().waitFor();
    await page.locator("[role=grid]").focus();
    await page.keyboard.press("Control+h");
    await page.getByRole("button", { name: "Bring this state back…" }).click();
    const dialog = page.getByRole("dialog", { name: "Bring that state back?" });
    await dialog.getByText("4 rows go back").waitFor();
    expect(await dialog.locator("tbody tr").count()).toBe(4);
    expect(await axeViolations(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Restore", exact: true }).click();
    await page.getByText("Done: 4 rows were changed").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
  });

  it("says on a computer that mirrors why nothing is taken back there", async () => {
    app.agent.cluster.leader = 1;
    const page = await openTransaction(/1 row deleted/);
    await page.getByText(/Read only here: .* leads\./).waitFor();
    expect(await page.getByRole("button", { name: "Take back…" }).isDisabled()).toBe(true);
  });

  it("says of an index that the log no longer has that it is gone", async () => {
    const page = await app.open("#/history/12");
    await page.getByText("It is not there any more.").waitFor();
  });

  it("tells a row's past from the grid by key, and leads on to the whole transaction", async () => {
    const page = await app.open("#/tables/patients");
    await page.getByText("Ada Byron").first().waitFor();
    await page.locator("[role=grid]").focus();
    await page.keyboard.press("Control+h");
    const dialog = page.getByRole("dialog", { name: "History of a row" });
    await dialog.getByText("patients · id 1").waitFor();
    expect(await dialog.locator("li dl").allInnerTexts()).toEqual([
      expect.stringMatching(/^ward\s+Ward 1\s*→? ?Ward 2$/),
      expect.stringMatching(/^weight_kg\s+60\s*→? ?61\.5$/),
    ]);
    expect(await axeViolations(page)).toEqual([]);
    await dialog.getByRole("link", { name: "7:18206" }).click();
    await page.getByRole("heading", { name: "Transaction 7:18206" }).waitFor();
    await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  });

  it("has room on a phone: the list, then the transaction, and back", async () => {
    const page = await openTransaction(/1 row deleted/, { isPhone: true });
    expect(await page.getByRole("navigation", { name: "History" }).isVisible()).toBe(false);
    expect(await wide(page)).toBe(false);
    await page.locator("a.back").click();
    await page.getByRole("navigation", { name: "History" }).waitFor();
    expect(await wide(page)).toBe(false);
  });

  it.each(["light", "dark"] as const)(
    "has nothing for axe-core to object to in %s",
    async (scheme) => {
      const page = await app.open("#/history/18215", { scheme });
      await page.getByRole("region", { name: "patients" }).waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await page.getByRole("button", { name: "Take back…" }).click();
      await page.getByText("2 rows go back").waitFor();
      expect(await axeViolations(page)).toEqual([]);
    },
  );
});
