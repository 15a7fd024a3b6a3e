import { expect, it } from "vitest";
import { readSettings, writeSettings } from "../../electron/agent/log/settings-file.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { value } from "./log-fixtures.ts";

it("settings that were never written are null", async () => {
  expect(value(await readSettings(new FakeDisk(), "settings.json"))).toBeNull();
});

it("settings are the old or the new ones, wherever the power fails", async () => {
  for (let stopAfter = 1; stopAfter < 12; stopAfter++) {
    const disk = new FakeDisk({ seed: stopAfter });
    value(await writeSettings(disk, "settings.json", { name: "old" }));
    disk.haltAfter(stopAfter);
    const written = await writeSettings(disk, "settings.json", { name: "new" });
    disk.crash();
    const found = value(await readSettings(disk, "settings.json"));
    expect(written.ok ? ["new"] : ["old", "new"]).toContain((found as { name: string }).name);
    value(await writeSettings(disk, "settings.json", { name: "newest" }));
    expect(value(await readSettings(disk, "settings.json"))).toEqual({ name: "newest" });
  }
});

it("settings are not mixed with what an interrupted try left beside them", async () => {
  const disk = new FakeDisk();
  disk.putFile("settings.json.new", new TextEncoder().encode('{"name": "half'));
  value(await writeSettings(disk, "settings.json", { name: "new" }));
  expect(value(await readSettings(disk, "settings.json"))).toEqual({ name: "new" });
});

it("settings that are no JSON are damaged, not absent", async () => {
  const disk = new FakeDisk();
  disk.putFile("settings.json", new TextEncoder().encode('{"name": '));
  expect(await readSettings(disk, "settings.json")).toMatchObject({
    error: { code: "settings-damaged" },
  });
  disk.putFile("settings.json", new Uint8Array([0xff, 0xfe]));
  expect(await readSettings(disk, "settings.json")).toMatchObject({
    error: { code: "settings-damaged" },
  });
});
