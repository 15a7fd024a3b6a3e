/** Backups in the settings, in Chromium against a mock agent. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { axeViolations, CHROMIUM } from "../support/chromium.ts";
import { MockBackups } from "../support/mock-backups.ts";
import { WindowUnderTest } from "./window.ts";

let app: WindowUnderTest;

describe.skipIf(CHROMIUM === null)("backups in the window", () => {
  beforeAll(async () => {
    app = await WindowUnderTest.start({ folder: "backups-under-test", readingCount: 10 });
  }, 240_000);

  beforeEach(() => {
    app.agent.cluster.backups = new MockBackups();
  });

  afterEach(async () => {
    await app.closePages();
    expect(app.complaints.splice(0)).toEqual([]);
  });

  afterAll(() => app.close());

  it("tells of each whether it was proven, and lets a damaged one not be restored", async () => {
    const page = await app.open("#/settings");
    const section = page.getByRole("region", { name: "Backups" });
    const items = section.getByRole("listitem");
    await items.first().waitFor();
    expect(await items.nth(0).textContent()).toContain("equal to what the leader had");
    expect(await items.nth(1).textContent()).toContain("Cannot be trusted. Its rows come to");
    expect(await items.nth(1).getByRole("button", { name: "Restore…" }).isDisabled()).toBe(true);
    expect(await items.nth(2).textContent()).toContain("not proven here yet");
    await items.nth(2).getByRole("button", { name: "Prove" }).click();
    await items.nth(2).getByText("equal to the checksum it was made with").waitFor();
  });

  it("makes one now and says who did, shows what a restore changes before it is done", async () => {
    const page = await app.open("#/settings");
    const section = page.getByRole("region", { name: "Backups" });
    await section.getByRole("button", { name: "Make one now" }).click();
    await page.getByText("Backup made by Reception mirror").waitFor();
    const items = section.getByRole("listitem");
    expect(await items.count()).toBe(4);
    const before = app.agent.cluster.index;
    await items.nth(0).getByRole("button", { name: "Restore…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("back to what").waitFor();
    expect(app.agent.cluster.index).toBe(before);
    await dialog.getByRole("button", { name: "Restore" }).click();
    await dialog.waitFor({ state: "hidden" });
    expect(app.agent.cluster.index).toBe(before + 1);
  });

  it("sets the schedule of this computer, and refuses one that keeps nothing", async () => {
    const page = await app.open("#/settings");
    const section = page.getByRole("region", { name: "Backups" });
    await section.getByLabel("Make backups by itself").check();
    await section.getByLabel("Hours between two").fill("0");
    expect(await section.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
    await section.getByLabel("Hours between two").fill("4");
    await section.getByLabel("Folder").fill("/media/usb/clinic");
    await section.getByRole("button", { name: "Save" }).click();
    await section.getByText("The next one is made").waitFor();
    expect(app.agent.cluster.backups.schedule).toMatchObject({
      ...{ isOn: true, everyHours: 4, folder: "/media/usb/clinic" },
    });
  });

  it("makes one a day at a time, and takes no time that is none", async () => {
    const page = await app.open("#/settings");
    const section = page.getByRole("region", { name: "Backups" });
    await section.getByLabel("When").selectOption("daily");
    const time = section.getByLabel("Time of day");
    await time.fill("25:00");
    expect(await section.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
    await time.fill("22:15");
    await section.getByRole("button", { name: "Save" }).click();
    await page.getByText("Schedule saved on this computer.").waitFor();
    expect(app.agent.cluster.backups.schedule).toMatchObject({ dailyAt: "22:15" });
  });

  it("says why the last scheduled one is missing", async () => {
    app.agent.cluster.backups.problem = {
      at: "2026-11-23T03:00:00.000Z",
      code: "storage-full",
      message: "The disk has 200 MiB left.",
    };
    const page = await app.open("#/settings");
    const told = page.getByRole("status").filter({ hasText: "The last one was not made (" });
    await told.filter({ hasText: "The disk has 200 MiB left." }).waitFor();
  });

  it.each([
    ["light", false],
    ["dark", true],
  ] as const)(
    "has no violation of accessibility rules (%s, phone: %s)",
    async (scheme, isPhone) => {
      const page = await app.open("#/settings", { scheme, isPhone });
      await page.getByRole("region", { name: "Backups" }).getByRole("listitem").first().waitFor();
      expect(await axeViolations(page)).toEqual([]);
      expect(await page.evaluate(() => document.body.scrollWidth > window.innerWidth)).toBe(false);
    },
  );
});
