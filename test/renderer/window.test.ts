/**
 * The built window in Chromium under the real content policy, against a mock agent: what a
 * person sees and does. Replication itself is not tested here.
 */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, CHROMIUM } from "../support/chromium.ts";
import { cellOnScreen, WindowUnderTest } from "./window.ts";

const READING_COUNT = 1_000_000;
let app: WindowUnderTest;

const cell = (page: Page, row: number, column: number) =>
  page.locator(`[data-row="${row}"][data-column="${column}"]`);

async function openTable(name: string, waitFor: string): Promise<Page> {
  const page = await app.open(`#/tables/${name}`);
  await page.getByText(waitFor, { exact: true }).first().waitFor();
  return page;
}

function stored(sql: string): unknown {
  return app.agent.database.query({ sql }, 1).rows[0]?.[0];
}

describe.skipIf(CHROMIUM === null)("the window", () => {
  beforeAll(async () => {
    app = await WindowUnderTest.start({
      folder: "window-under-test",
      readingCount: READING_COUNT,
    });
  }, 120_000);

  afterEach(async () => {
    app.agent.setDelay(0);
    app.agent.setDown(false);
    app.agent.cluster.leader = 0;
    app.agent.cluster.history = [];
    app.agent.cluster.workspace = "Riverside Clinic";
    await app.closePages();
    expect(app.complaints.splice(0)).toEqual([]);
  });

  afterAll(() => app.close());

  it("shows an edit at once as waiting, and as saved when the agent confirmed it", async () => {
    const page = await openTable("patients", "Ada Byron");
    app.agent.setDelay(400);
    await cell(page, 0, 1).click();
    await page.keyboard.type("Ada Lovelace");
    await page.keyboard.press("Enter");
    await page.locator(".pending", { hasText: "Ada Lovelace" }).waitFor();
    expect(stored("SELECT name FROM patients WHERE id = 1")).toBe("Ada Byron");
    await cell(page, 0, 1).and(page.locator(":not(.pending)")).waitFor();
    expect(await cellOnScreen(page, 0, 1)).toBe("Ada Lovelace");
    expect(stored("SELECT name FROM patients WHERE id = 1")).toBe("Ada Lovelace");
  });

  it("takes one value after the other with Enter, without the mouse", async () => {
    const page = await openTable("patients", "Penicillin");
    await cell(page, 10, 3).click();
    for (const ward of ["North", "East", "South"]) {
      await page.keyboard.type(ward);
      await page.keyboard.press("Enter");
    }
    await page.keyboard.type("West");
    await page.keyboard.press("Escape");
    await page.keyboard.press("ArrowUp");
    await page.locator(".is-active", { hasText: "South" }).waitFor();
    const rows = () =>
      app.agent.database.query({ sql: "SELECT ward FROM patients WHERE id BETWEEN 11 AND 14" }, 9)
        .rows;
    await expect.poll(rows).toEqual([["North"], ["East"], ["South"], ["Ward 3"]]);
  });

  it("does not overwrite a change that somebody made while this person typed", async () => {
    const page = await openTable("patients", "Penicillin");
    await cell(page, 1, 3).dblclick();
    app.agent.writeElsewhere("UPDATE patients SET ward = 'Ward 9' WHERE id = 2");
    await page.keyboard.type(" east");
    await page.keyboard.press("Enter");
    await page.getByText("Somebody changed this row at the same time").waitFor();
    expect(stored("SELECT ward FROM patients WHERE id = 2")).toBe("Ward 9");
    await cell(page, 1, 3).and(page.locator(".rejected")).waitFor();
    await page.locator("[role=grid]").press("Escape");
    expect(await cellOnScreen(page, 1, 3)).toBe("Ward 9");
  });

  it("takes an edit back with Ctrl+Z, and Delete makes a cell NULL", async () => {
    const page = await openTable("patients", "Penicillin");
    await cell(page, 1, 5).click();
    await page.keyboard.press("Delete");
    await cell(page, 1, 5).and(page.locator(".null")).waitFor();
    await expect.poll(() => stored("SELECT allergies FROM patients WHERE id = 2")).toBeNull();
    await page.keyboard.press("Control+z");
    await page.getByText("Undone.").waitFor();
    expect(stored("SELECT allergies FROM patients WHERE id = 2")).toBe("Penicillin");
  });

  it("reaches the last of a million rows and keeps the keyboard there", async () => {
    const page = await openTable("readings", "sensor-2");
    await page.locator("[role=grid]").focus();
    await page.keyboard.press("Control+End");
    await expect.poll(() => cellOnScreen(page, READING_COUNT - 1, 1)).toBe("sensor-1");
    for (let press = 0; press < 60; press += 1) await page.keyboard.press("ArrowUp");
    const active = await page.locator("[role=grid]").getAttribute("aria-activedescendant");
    expect(active).toContain(`-${READING_COUNT - 61}-`);
    await expect.poll(() => cellOnScreen(page, READING_COUNT - 61, 1)).not.toBeNull();
    expect(await page.locator("[role=grid]").getAttribute("aria-rowcount")).toBe("1000001");
  });

  it("shows the rows the scroll bar stands for in the middle of a million", async () => {
    const page = await openTable("readings", "sensor-2");
    const grid = page.locator("[role=grid]");
    await grid.evaluate((element) => (element.scrollTop = element.scrollHeight / 2));
    const firstOnScreen = (): Promise<number> =>
      page.evaluate(() => {
        const head = document.querySelector(".head")?.getBoundingClientRect();
        const below = document.elementFromPoint((head?.left ?? 0) + 20, (head?.bottom ?? 0) + 10);
        return Number(below?.closest<HTMLElement>("[data-gutter]")?.dataset["gutter"] ?? -1);
      });
    await expect.poll(firstOnScreen).toBeGreaterThan(READING_COUNT / 2 - 50);
    const before = await firstOnScreen();
    expect(before).toBeLessThan(READING_COUNT / 2 + 50);
    const box = await grid.boundingBox();
    await page.mouse.move((box?.x ?? 0) + 300, (box?.y ?? 0) + 300);
    await page.mouse.wheel(0, 32 * 5);
    await expect.poll(firstOnScreen).toBe(before + 5);
    await expect.poll(() => cellOnScreen(page, before + 5, 1)).toMatch(/^sensor-/);
  });

  it("keeps the cursor on its row when rows above it are deleted elsewhere", async () => {
    const page = await openTable("readings", "sensor-2");
    await cell(page, 9, 0).click();
    expect(await cellOnScreen(page, 9, 0)).toBe("10");
    app.agent.writeElsewhere("DELETE FROM readings WHERE id IN (2, 3, 4)");
    const active = page.locator(".is-active");
    await expect.poll(() => active.getAttribute("data-row")).toBe("6");
    expect(await active.innerText()).toBe("10");
    app.agent.writeElsewhere(
      "INSERT INTO readings (id, sensor) VALUES (2, 'a'), (3, 'b'), (4, 'c')",
    );
    await expect.poll(() => active.getAttribute("data-row")).toBe("9");
    expect(await active.innerText()).toBe("10");
  });

  it("copies a block as a spreadsheet would and pastes one, adding rows past the end", async () => {
    const page = await openTable("rooms", "A1");
    await cell(page, 0, 0).click();
    await cell(page, 1, 1).click({ modifiers: ["Shift"] });
    await page.keyboard.press("Control+c");
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied.replaceAll("\r\n", "\n")).toBe("A1\t2\nA2\t4");
    await page.evaluate(() => navigator.clipboard.writeText("B1\t7\nC1\t8\nC2\t9\n"));
    await cell(page, 2, 0).click();
    await page.keyboard.press("Control+v");
    await page.getByText("2 rows added.").waitFor();
    const rooms = app.agent.database.query({ sql: "SELECT code, beds FROM rooms" }, 10).rows;
    expect(rooms).toEqual([
      ["A1", 2],
      ["A2", 4],
      ["B1", 7],
      ["C1", 8],
      ["C2", 9],
    ]);
  });

  it("filters, sorts, and says what to do when nothing matches", async () => {
    const page = await openTable("patients", "Penicillin");
    await page.getByLabel("Search all columns").fill("Latex");
    await page.getByText("8 rows", { exact: true }).waitFor();
    await page.getByRole("columnheader", { name: "weight_kg" }).getByRole("button").click();
    await page.locator('[aria-sort="ascending"]').waitFor();
    await page.getByLabel("Search all columns").fill("no such thing");
    await page.getByRole("button", { name: "Clear filter" }).click();
    await page.getByText("40 rows", { exact: true }).waitFor();
  });

  it("begins another order at its top, also while somebody else's change is being read", async () => {
    const page = await openTable("patients", "Penicillin");
    app.agent.setDelay(200);
    app.agent.writeElsewhere("UPDATE patients SET ward = 'Ward 7' WHERE id = 1");
    const id = page.getByRole("columnheader", { name: "id key" }).getByRole("button");
    await id.click();
    await id.click();
    await page.locator('[aria-sort="descending"]').waitFor();
    await page.getByText("Ward 7", { exact: true }).waitFor({ state: "detached" });
    await expect.poll(() => cellOnScreen(page, 0, 0)).toBe("40");
    app.agent.setDelay(0);
    app.agent.writeElsewhere("UPDATE patients SET ward = 'Ward 8' WHERE id = 40");
    await page.getByText("Ward 8", { exact: true }).waitFor();
    expect(await cellOnScreen(page, 0, 0)).toBe("40");
  });

  it("tells what became of this computer's seat, also when that was over before anybody looked", async () => {
    const sentence = "An older copy of this computer's data folder was restored.";
    const at = new Date().toISOString();
    const seat = {
      type: "seat",
      state: "barred",
      reason: "missing-entries",
      at,
      sentence,
    } as const;
    app.agent.cluster.history = [seat];
    const page = await app.open("#/computers");
    await page.getByText(sentence, { exact: true }).waitFor();
    app.agent.push({ ...seat, state: "ok", reason: null, sentence: "Back in step." });
    await page.getByText("Back in step.", { exact: true }).waitFor();
  });

  it("is read only on a mirror, says why, and names the computer that leads", async () => {
    app.agent.cluster.leader = 1;
    const page = await openTable("patients", "Penicillin");
    await page.getByText("Ward 2 leads.").waitFor();
    await cell(page, 0, 1).click();
    await page.keyboard.type("x");
    await page.getByText("Read only here: Ward 2 leads.").first().waitFor();
    expect(await page.locator("textarea").count()).toBe(0);
    expect(await page.getByRole("button", { name: "Add row" }).count()).toBe(0);
  });

  it("keeps the data on screen when the agent is gone, says so, and comes back by itself", async () => {
    const page = await openTable("patients", "Penicillin");
    app.agent.setDown(true);
    await page.getByText("The Tidemark agent on this computer does not answer.").first().waitFor();
    expect(await cellOnScreen(page, 1, 5)).toBe("Penicillin");
    app.agent.setDown(false);
    await page.getByText("This computer leads.").waitFor();
  });

  it("adds a table and a row, and deletes the row only after a question", async () => {
    const page = await app.open("#/tables");
    await page.getByRole("button", { name: "New table" }).click();
    await page.keyboard.type("visitors");
    await page.getByRole("button", { name: "Create table" }).click();
    await page.getByRole("button", { name: "Add row" }).last().click();
    await page.getByLabel("name").fill("Grace");
    await page.keyboard.press("Enter");
    await expect.poll(() => cellOnScreen(page, 0, 1)).toBe("Grace");
    await page.getByRole("button", { name: "Delete rows" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("No rows yet").waitFor();
    expect(stored("SELECT count(*) FROM visitors")).toBe(0);
    app.agent.database.execute([{ sql: "DROP TABLE visitors" }]);
  });

  it("runs SQL with Ctrl+Enter and shows SQLite's own words when it is wrong", async () => {
    const page = await app.open("#/sql");
    await page.locator(".cm-content").click();
    await page.keyboard.type("SELECT count(*) AS n FROM supplies");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+Enter");
    await page.getByRole("cell", { name: "0", exact: true }).waitFor();
    await page.keyboard.type(" WHERE");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+Enter");
    await page.getByText("incomplete input").waitFor();
  });

  const places = ["#/tables/patients", "#/computers", "#/sql"];
  it.each(["light", "dark"] as const)(
    "has nothing for axe-core to object to in %s",
    { timeout: 180_000 },
    async (scheme) => {
      for (const place of places) {
        const page = await app.open(place, { scheme });
        await page.locator("nav").first().waitFor();
        await page.locator("[role=grid] [role=gridcell], .u-over, .cm-content").first().waitFor();
        await page.keyboard.press("F1");
        await page.getByRole("dialog").waitFor();
        expect(await axeViolations(page)).toEqual([]);
        await page.keyboard.press("Escape");
        expect(await axeViolations(page)).toEqual([]);
      }
    },
  );

  it("offers the two ways in on the first run, and a phone has room for it", async () => {
    app.agent.cluster.workspace = null;
    const page = await app.open("", { isPhone: true });
    await page.getByRole("button", { name: /Join a workspace/ }).click();
    await page.getByLabel("Invite link").fill("http://example.org");
    await page.getByRole("button", { name: "Join workspace" }).click();
    await page.getByText("An invite link begins with tidemark://join/").waitFor();
    await page.getByLabel("Invite link").fill("tidemark://join/abc");
    await page.getByRole("button", { name: "Join workspace" }).click();
    await page.getByText("This invite link is wrong, used, or expired.").waitFor();
    expect(await axeViolations(page)).toEqual([]);
    const isWide = await page.evaluate(() => document.body.scrollWidth > window.innerWidth);
    expect(isWide).toBe(false);
  });
});
