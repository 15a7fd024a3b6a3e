/** Tables and SQL of a former moment, and the page of settings, in Chromium against a mock agent. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { axeViolations, CHROMIUM } from "../support/chromium.ts";
import { WindowUnderTest } from "./window.ts";

describe.skipIf(CHROMIUM === null)("the past in the window", () => {
  let app: WindowUnderTest;

  beforeAll(async () => {
    app = await WindowUnderTest.start({ folder: "past-window", readingCount: 50 });
  }, 120_000);

  beforeEach(() => {
    app.agent.cluster.leader = 0;
  });

  afterEach(async () => {
    await app.closePages();
    expect(app.complaints).toEqual([]);
  });

  afterAll(() => app.close());

  /** The moment of a transaction, chosen on the page of history. */
  async function lookAt(index: number): Promise<Page> {
    const page = await app.open(`#/history/${index}`);
    await page.getByRole("button", { name: "Look at this state" }).click();
    await page.getByRole("region", { name: "The past" }).waitFor();
    return page;
  }

  async function run(page: Page, sql: string): Promise<void> {
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type(sql);
    await page.keyboard.press("Control+Enter");
  }

  it("stands under a banner with its full date, is read only, and leads back to now", async () => {
    const page = await lookAt(18_211);
    await page.goto(`${app.agent.url}#/tables/patients`);
    await page.getByText("Ada Byron").first().waitFor();
    const banner = page.getByRole("region", { name: "The past" });
    expect(await banner.innerText()).toMatch(/3 November 2026.*\n?.*7:18211/);
    expect(await page.getByText("You can edit").count()).toBe(0);
    expect(await page.getByRole("button", { name: "Add row" }).count()).toBe(0);
    expect(await page.locator("footer").innerText()).toContain("7:18211");
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("button", { name: "Back to now" }).click();
    await page.getByRole("button", { name: "Add row" }).waitFor();
    expect(await banner.count()).toBe(0);
    expect(await page.getByText("You can edit").count()).toBe(1);
  });

  it("is what SQL asks, and takes no change", async () => {
    const page = await lookAt(18_211);
    await page.goto(`${app.agent.url}#/sql`);
    await run(page, "SELECT name FROM patients LIMIT 1");
    await page.getByText("7:18211").last().waitFor();
    await run(page, "DELETE FROM patients");
    await page.getByText("Nothing was changed.").waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });

  it("is chosen by a time, and one that is not kept is said to be gone while the present stays", async () => {
    const page = await app.open("#/tables/patients");
    await page.getByRole("button", { name: "Look at the past…" }).click();
    const dialog = page.getByRole("dialog", { name: "Look at the past" });
    await dialog.getByText("What is kept here reaches back to").waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await dialog.getByLabel("As everything was at").fill("2020-01-01T00:00:00");
    await dialog.getByRole("button", { name: "Look", exact: true }).click();
    await dialog.getByText("That is further back than what is kept here.").waitFor();
    expect(await page.getByRole("region", { name: "The past" }).count()).toBe(0);
    await dialog.getByLabel("As everything was at").fill("2026-11-04T00:00:00");
    await dialog.getByRole("button", { name: "Look", exact: true }).click();
    await page.getByRole("region", { name: "The past" }).waitFor();
  });

  it.each(["light", "dark"] as const)(
    "settings tell what is kept and what it costs (%s)",
    async (scheme) => {
      const page = await app.open("#/settings", { scheme });
      await page.getByText("71.0 MiB of log and 36.0 MiB in 3 snapshots").waitFor();
      const save = page.getByRole("button", { name: "Save" }).first();
      expect(await save.isDisabled()).toBe(true);
      await page.getByLabel("Log to keep, in MiB").fill("3");
      await page.getByText("A whole number from 8 to 16,384.").waitFor();
      expect(await save.isDisabled()).toBe(true);
      const mebibytes = scheme === "light" ? "256" : "512";
      await page.getByLabel("Log to keep, in MiB").fill(mebibytes);
      await page.getByText(scheme === "light" ? "552.0 MiB of log" : "1.04 GiB of log").waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await save.click();
      await page.getByText("Settings saved on all computers.").waitFor();
      expect(app.agent.cluster.retention["retention-mib"]).toBe(Number(mebibytes));
      expect(await save.isDisabled()).toBe(true);
    },
  );
});
