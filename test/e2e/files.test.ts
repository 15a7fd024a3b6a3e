/**
 * Files in and out through the windows of three real computers: a SQLite file comes in, is seen everywhere, and is
 * taken back from the history while others write. The tests go on where the last one ended.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, launchChromium } from "../support/chromium.ts";
import { clinicFile } from "../support/clinic-file.ts";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";
import { expectGoodLooks, type Look } from "./looks.ts";
import { MemberWindow } from "./member-window.ts";

const PEOPLE = `id,name,born,weight
1,Ada,1815-12-10,61.5
2,Grace,1906-12-09,58
3,"Edsger, W.",1930-05-11,not known
4,Barbara,1939-11-07,55.25,left over
`;

describe.skipIf(CHROMIUM === null)("files in the windows of three computers", () => {
  let cluster: RealCluster;
  let browser: Browser;
  let leader: RealMember;
  let mirror: RealMember;
  let pen: MemberWindow;
  let csv: string;
  let sqlite: string;
  const windows: MemberWindow[] = [];

  const open = async (member: RealMember): Promise<MemberWindow> => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const window = await MemberWindow.open(context, member.openUrl);
    windows.push(window);
    return window;
  };
  const choose = async (window: MemberWindow, file: string): Promise<void> => {
    await window.goTo("Tables");
    await window.button("Import a file").first().click();
    await window.page.getByLabel("File to import").setInputFiles(file);
  };
  const looks = (look: Look, show: (window: MemberWindow) => Promise<void>): Promise<void> =>
    expectGoodLooks(browser, { look, openUrl: leader.openUrl, show });

  beforeAll(async () => {
    browser = await launchChromium();
    cluster = await RealCluster.create(3);
    leader = await cluster.leader();
    [mirror = leader] = await cluster.followers();
    [csv, sqlite] = [join(cluster.folder, "people.csv"), join(cluster.folder, "clinic.sqlite")];
    await writeFile(csv, PEOPLE);
    await writeFile(sqlite, await clinicFile());
    pen = await open(leader);
  });

  afterEach(() => {
    for (const { complaints } of windows) expect(complaints.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    await browser.close();
    await cluster.dispose();
  });

  test("the steps of an import look right before anything is changed", async () => {
    await looks("import-csv", async (window) => {
      await choose(window, csv);
      await window.button("Import the others").waitFor();
    });
    await looks("import-sqlite", async (window) => {
      await choose(window, sqlite);
      await window.page.getByText("12,000 rows").waitFor();
    });
    expect(await leader.rows("SELECT name FROM sqlite_schema WHERE name = 'patients'")).toEqual([]);
  });

  test("a SQLite file comes in through the leader's window and is in every window", async () => {
    await choose(pen, sqlite);
    await pen.button("Import").click();
    await pen.page.getByText("12,040 rows are in.").waitFor();
    await pen.button("Close").last().click();
    const other = await open(mirror);
    for (const window of [pen, other]) {
      await window.openTable("patients");
      await window.page.getByText("12,000 rows", { exact: true }).waitFor();
      await window.cellShows({ row: 1, column: await window.column("name") }, "name 2");
    }
    // Who does not lead is not offered what would be refused.
    expect(await other.button("Import a file").count()).toBe(0);
  });

  test("export, the past and backups look right", async () => {
    await leader.must("makeBackup", {});
    await leader.must("setBackupSchedule", { isOn: true });
    await looks("export", async (window) => {
      await window.openTable("patients");
      await window.button("More actions: patients").click();
      await window.page.getByRole("menuitem", { name: "Export…" }).click();
      await window.button("Export").waitFor();
    });
    await looks("past", async (window) => {
      await window.goTo("History");
      await window.page
        .getByRole("link", { name: /patients/ })
        .first()
        .click();
      await window.button("Look at this state").click();
      await window.page.getByText("The past: as of").waitFor();
      await window.openTable("patients");
      await window.cellShows({ row: 0, column: await window.column("name") }, "name 1");
    });
    await looks("backups", async (window) => {
      await window.page.getByRole("link", { name: "Settings", exact: true }).click();
      const section = window.page.getByRole("region", { name: "Backups" });
      await section.getByRole("listitem").first().waitFor();
      await section.scrollIntoViewIfNeeded();
    });
  });

  test("the whole import is taken back from one of its transactions, while others write", async () => {
    await leader.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
    let isWriting = true;
    const writer = (async () => {
      let count = 0;
      for (; isWriting; count += 1) await leader.execute("INSERT INTO notes(text) VALUES ('x')");
      return count;
    })();
    const ask = async (window: MemberWindow): Promise<void> => {
      await window.goTo("History");
      await window.page
        .getByRole("link", { name: /^patients: / })
        .first()
        .click();
      await window.button("Take back this import…").click();
      await window.page.getByText("12,040 rows go back to what they were.").waitFor();
    };
    await ask(pen);
    await pen.button("Take back").click();
    await pen.page.getByText(/Done: 12,040 rows were changed, at .* Dropped again: /).waitFor();
    isWriting = false;
    const count = await writer;
    expect(await leader.rows("SELECT count(*) FROM notes")).toEqual([[count]]);
    await cluster.verifyIdentical();
    const left = "SELECT name FROM sqlite_schema WHERE name IN ('patients', 'wards', 'crowded')";
    expect(await leader.rows(left)).toEqual([]);
  });

  test("rows that do not fit are left out, and what is taken back is seen before", async () => {
    await choose(pen, csv);
    await pen.button("Import the others").click();
    await pen.page.getByText("3 rows are in. 1 row was left out.").waitFor();
    await pen.button("Close").last().click();
    await looks("take-back", async (window) => {
      await window.goTo("History");
      await window.page.getByRole("link", { name: /^people: 3 rows added/ }).click();
      await window.button("Take back this import…").click();
      await window.page.getByText("3 rows go back to what they were.").waitFor();
    });
  });
});
