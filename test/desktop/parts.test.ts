/** The pure parts of the shell: what is read from outside is checked, what is shown is true. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { dataFolderOf } from "../../electron/cli/data-folder.ts";
import type { Terminal } from "../../electron/cli/terminal.ts";
import { dataFolderFrom } from "../../electron/main/data-folder.ts";
import { deepLinkIn, parseDeepLink } from "../../electron/main/deep-link.ts";
import { menuTemplate } from "../../electron/main/menu.ts";
import { closingWords, trayWords } from "../../electron/main/status-words.ts";
import {
  isReachable,
  parseShellState,
  readShellState,
  writeShellState,
} from "../../electron/main/window-state.ts";
import type { Status } from "../../shared/cluster/status.ts";
import { temporaryFolder } from "./boot.ts";

describe("the data folder", () => {
  const home = "/home/ada";

  test.each([
    ["linux", {}, "/home/ada/.local/share/tidemark"],
    ["linux", { XDG_DATA_HOME: "/srv/data" }, "/srv/data/tidemark"],
    ["darwin", {}, "/home/ada/Library/Application Support/Tidemark"],
    ["win32", { APPDATA: "C:\\Users\\ada\\Roaming" }, "C:\\Users\\ada\\Roaming\\Tidemark"],
    ["win32", { TIDEMARK_HOME: "D:\\tidemark" }, "D:\\tidemark"],
    ["linux", { TIDEMARK_HOME: "/mnt/t", XDG_DATA_HOME: "/srv" }, "/mnt/t"],
  ])("on %s with %j is %s", (platform, environment, expected) => {
    expect(dataFolderFrom([], { platform, home, environment })).toBe(expected);
  });

  test("is the one named by --data before all others", () => {
    const surroundings = { platform: "linux", home, environment: { TIDEMARK_HOME: "/mnt/t" } };
    expect(dataFolderFrom(["app", "--data", "/x"], surroundings)).toBe("/x");
    expect(dataFolderFrom(["app", "--data"], surroundings)).toBe("/mnt/t");
  });

  test.each([
    ["linux", {}],
    ["linux", { XDG_DATA_HOME: "/srv/data" }],
    ["linux", { TIDEMARK_HOME: "relative/folder" }],
    ["darwin", {}],
  ])("on %s with %j is the one the command line uses", (platform, environment) => {
    const terminal = { platform, env: environment, homeFolder: home } as unknown as Terminal;
    const shown = dataFolderFrom([], { platform, home, environment });
    expect(shown).toBe(dataFolderOf(undefined, terminal));
  });
});

describe("a deep link", () => {
  test("is found among the arguments of a second start", () => {
    const link = "tidemark://join/abc";
    expect(deepLinkIn(["/usr/bin/tidemark", "--flag", link])).toEqual({ kind: "join", link });
  });

  test.each([
    "tidemark://join/",
    "tidemark://join",
    "tidemark:join/abc",
    "tidemark://run/abc",
    "https://join/abc",
    "tidemark://join/a b",
    "tidemark://join/abc\nsecond line",
    "tidemark://join/\u202Ecba",
    `tidemark://join/${"a".repeat(3_000)}`,
  ])("is refused: %j", (address) => {
    expect(parseDeepLink(address)).toBeNull();
  });
});

describe("what the shell remembers", () => {
  test("comes back as it was written", () => {
    const file = join(temporaryFolder(), "window/window.json");
    const state = {
      bounds: { x: -1_200, y: 40, width: 900, height: 700 },
      isMaximized: true,
      keepsRunning: true,
    };
    writeShellState(file, state);
    expect(readShellState(file)).toEqual(state);
    expect(readFileSync(file, "utf8").startsWith("{")).toBe(true);
  });

  test("is the defaults when the file is missing or damaged", () => {
    const file = join(temporaryFolder(), "window.json");
    const defaults = { bounds: null, isMaximized: false, keepsRunning: false };
    expect(readShellState(file)).toEqual(defaults);
    writeFileSync(file, '{"bounds":{"x":1');
    expect(readShellState(file)).toEqual(defaults);
  });

  test.each([
    [{ bounds: { x: 0, y: 0, width: 10, height: 700 } }],
    [{ bounds: { x: "0", y: 0, width: 900, height: 700 } }],
    [{ bounds: { x: 0.5, y: 0, width: 900, height: 700 } }],
    [{ bounds: { x: 1e9, y: 0, width: 900, height: 700 } }],
    [{ bounds: [] }],
    [[]],
    [null],
  ])("forgets bounds that are no window: %j", (raw) => {
    expect(parseShellState(raw).bounds).toBeNull();
  });

  test("counts a window as reachable only when it can be grabbed on some screen", () => {
    const screens = [{ x: 0, y: 0, width: 1920, height: 1080 }];
    const size = { width: 900, height: 700 };
    expect(isReachable({ x: 100, y: 100, ...size }, screens)).toBe(true);
    expect(isReachable({ x: 1_900, y: 100, ...size }, screens)).toBe(false);
    expect(isReachable({ x: 1_900, y: 100, ...size }, [])).toBe(false);
    expect(isReachable({ x: -850, y: 0, ...size }, screens)).toBe(false);
  });
});

describe("the tray", () => {
  const running = { kind: "running" } as const;

  test("says that this computer leads only when it can take edits", () => {
    expect(trayWords(running, statusWith({ role: "leader", canWrite: true }))).toEqual({
      mood: "live",
      sentence: "Clinic: this computer leads",
    });
    const cutOff = statusWith({ role: "leader", canWrite: false, leader: null });
    expect(trayWords(running, cutOff).mood).toBe("alone");
  });

  test("says up to date only while the leader is heard and nothing is missing", () => {
    const heard = { entries: 0, bytes: 0, ms: 0, asOf: null, leaderReachable: true };
    expect(trayWords(running, statusWith({ lag: heard })).sentence).toBe(
      "Clinic: up to date with front-desk",
    );
    const behind = trayWords(running, statusWith({ lag: { ...heard, entries: 1_284 } }));
    expect(behind).toEqual({
      mood: "behind",
      sentence: "Clinic: 1,284 changes behind front-desk",
    });
    const unheard = trayWords(running, statusWith({ lag: { ...heard, leaderReachable: false } }));
    expect(unheard.mood).toBe("alone");
  });

  test("puts storage trouble before everything else", () => {
    const storage = { state: "failed", detail: null, folder: "/data" } as const;
    const words = trayWords(running, statusWith({ storage, role: "leader", canWrite: true }));
    expect(words).toEqual({ mood: "alone", sentence: "Storage needs attention: failed" });
  });

  test("never shows the last good state of an agent that is gone", () => {
    const good = statusWith({ role: "leader", canWrite: true });
    const words = trayWords({ kind: "waiting", exitCode: 1, restartInMs: 4_000 }, good);
    expect(words.mood).toBe("stopped");
    expect(words.sentence).toContain("trying again in 4 s");
  });

  test("says what is missing on a computer that belongs to no workspace", () => {
    expect(trayWords(running, statusWith({ cluster: null })).sentence).toBe(
      "Not in a workspace yet",
    );
  });
});

describe("what closing the lid means", () => {
  const running = { kind: "running" } as const;
  const safety = { closing: "only-here", onlyHereMax: 3, wholeCopies: 0 } as const;

  test("is said by a sound member of a workspace", () => {
    expect(closingWords(running, statusWith({ safety }))).toBe(
      "Up to 3 confirmed changes are on this computer only.",
    );
  });

  test("is not said where it cannot be known", () => {
    const barred = { state: "barred", reason: "wiped", detail: null, since: null } as const;
    const failed = { state: "failed", detail: null, folder: "/data" } as const;
    expect(closingWords(running, null)).toBeNull();
    expect(closingWords({ kind: "starting" }, statusWith({ safety }))).toBeNull();
    expect(closingWords(running, statusWith({ safety, cluster: null }))).toBeNull();
    expect(closingWords(running, statusWith({ safety, seat: barred }))).toBeNull();
    expect(closingWords(running, statusWith({ safety, storage: failed }))).toBeNull();
  });
});

function statusWith(fields: Partial<Status>): Status {
  return {
    cluster: { id: "c", name: "Clinic", timeline: 1 },
    seat: { state: "ok", reason: null, detail: null, since: null },
    alarm: null,
    role: "follower",
    canWrite: false,
    leader: { id: "m", name: "front-desk", address: null },
    lag: { entries: 0, bytes: 0, ms: 0, asOf: null, leaderReachable: true },
    storage: { state: "ok", detail: null, folder: "/data" },
    ...fields,
  } as Status;
}

describe("the menu", () => {
  const actions = {
    openDataFolder: () => undefined,
    copyDiagnostics: () => undefined,
    setKeepsRunning: () => undefined,
  };

  test("offers reload and developer tools only to developers", () => {
    const roles = (isDevelopment: boolean): string =>
      JSON.stringify(menuTemplate({ isMac: false, isDevelopment, keepsRunning: false }, actions));
    expect(roles(true)).toContain("toggleDevTools");
    expect(roles(false)).not.toMatch(/toggleDevTools|"reload"/);
  });

  test("begins with the application's own menu on macOS", () => {
    const template = menuTemplate(
      { isMac: true, isDevelopment: false, keepsRunning: true },
      actions,
    );
    expect(template[0]).toEqual({ role: "appMenu" });
  });
});
