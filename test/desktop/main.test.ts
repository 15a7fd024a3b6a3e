/** The real main process, from its first line to its last, against the recording stand-in. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { bootDesktop, settle, temporaryFolder } from "./boot.ts";
import { PreventableEvent } from "./electron-stand-in.ts";

describe("before Electron is ready", () => {
  test("the sandbox is on and app:// is a real, secure scheme", async () => {
    const { electron } = await bootDesktop({ isReady: false });
    expect(electron.callsOf("app.enableSandbox")).toHaveLength(1);
    expect(electron.callsOf("protocol.registerSchemesAsPrivileged")).toEqual([
      [[{ scheme: "app", privileges: { standard: true, secure: true, supportFetchAPI: true } }]],
    ]);
    expect(electron.record.windows).toHaveLength(0);
    expect(electron.record.children).toHaveLength(0);
  });

  test("the profile lies in the data folder, so there is one instance per data folder", async () => {
    const { electron, dataFolder } = await bootDesktop({ isReady: false });
    expect(electron.callsOf("app.setPath")).toEqual([["userData", join(dataFolder, "window")]]);
  });

  test("a second instance on the same data folder ends and starts no agent", async () => {
    const { electron } = await bootDesktop({ hasLock: false });
    expect(electron.callsOf("app.quit")).toHaveLength(1);
    expect(electron.record.children).toHaveLength(0);
    expect(electron.record.windows).toHaveLength(0);
  });
});

describe("the window", () => {
  test("gives its page no Node, no Electron and its own world", async () => {
    const { electron } = await bootDesktop();
    expect(electron.record.windows).toHaveLength(1);
    const preferences = electron.record.windows[0]!.options["webPreferences"] as object;
    expect(preferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
    });
    expect(basename((preferences as { preload: string }).preload)).toBe("preload.cjs");
    expect(electron.callsOf("window.loadURL")).toEqual([["app://tidemark/index.html"]]);
  });

  test("cannot be opened with developer tools once packaged", async () => {
    const { electron } = await bootDesktop({ isReady: false });
    electron.app.isPackaged = true;
    electron.app.becomeReady();
    await settle();
    const preferences = electron.record.windows[0]!.options["webPreferences"];
    expect(preferences).toMatchObject({ devTools: false });
  });

  test("gets a port when its page has loaded, and a new one when the agent comes back", async () => {
    const { electron } = await bootDesktop();
    const contents = electron.record.windows[0]!.webContents;
    const child = electron.record.children[0]!;
    contents.finishLoading();
    expect(contents.posted).toHaveLength(0);
    child.emit("spawn");
    expect(contents.posted.map((each) => each.channel)).toEqual(["tidemark:port"]);
    expect(contents.posted[0]!.ports).toHaveLength(1);
    contents.emit("did-finish-load");
    expect(contents.posted).toHaveLength(2);
    expect(new Set(contents.posted.map((each) => each.ports[0])).size).toBe(2);
  });

  test("comes back a moment after a crash of its page, not after a planned end", async () => {
    const { electron } = await bootDesktop();
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const contents = electron.record.windows[0]!.webContents;
    contents.emit("render-process-gone", {}, { reason: "clean-exit" });
    vi.advanceTimersByTime(5_000);
    expect(electron.callsOf("webContents.reload")).toHaveLength(0);
    contents.emit("render-process-gone", {}, { reason: "crashed" });
    vi.advanceTimersByTime(999);
    expect(electron.callsOf("webContents.reload")).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(electron.callsOf("webContents.reload")).toHaveLength(1);
  });

  test("opens where it was closed", async () => {
    const dataFolder = temporaryFolder();
    const first = await bootDesktop({ dataFolder });
    first.electron.record.windows[0]!.closeByPerson();
    expect(existsSync(join(dataFolder, "window/window.json"))).toBe(true);
    const second = await bootDesktop({ dataFolder });
    expect(second.electron.record.windows[0]!.options).toMatchObject({ x: 11, width: 900 });
  });

  test("is opened again by a second start of the app", async () => {
    const { electron } = await bootDesktop();
    electron.record.windows[0]!.closeByPerson();
    electron.app.emit("second-instance", {}, []);
    expect(electron.record.windows).toHaveLength(2);
  });
});

describe("the agent", () => {
  test("is started by path, with the data folder, in a process of its own", async () => {
    const { electron, dataFolder } = await bootDesktop();
    const child = electron.record.children[0]!;
    expect(basename(child.modulePath)).toBe("agent.js");
    expect(child.argv).toEqual(["--data", dataFolder]);
    expect(child.options).toMatchObject({ serviceName: "tidemark-agent" });
  });

  test("hands over and leaves before the app ends", async () => {
    const { electron } = await bootDesktop();
    const child = electron.record.children[0]!;
    child.emit("spawn");
    const firstTry = new PreventableEvent();
    electron.app.emit("before-quit", firstTry);
    expect(firstTry.isPrevented).toBe(true);
    expect(child.posted.at(-1)!.message).toEqual({ type: "stop" });
    expect(electron.callsOf("app.quit")).toHaveLength(0);
    child.emit("exit", 0);
    await settle();
    expect(electron.callsOf("app.quit")).toHaveLength(1);
    const secondTry = new PreventableEvent();
    electron.app.emit("before-quit", secondTry);
    expect(secondTry.isPrevented).toBe(false);
    expect(electron.record.children).toHaveLength(1);
  });

  test("runs without window and tray with --headless", async () => {
    const { electron } = await bootDesktop({ argv: ["--headless"] });
    expect(electron.record.children).toHaveLength(1);
    expect(electron.record.windows).toHaveLength(0);
    expect(electron.record.trays).toHaveLength(0);
    electron.app.emit("window-all-closed");
    expect(electron.callsOf("app.quit")).toHaveLength(0);
  });
});

describe("closing the last window", () => {
  test("ends the app when nobody asked to go on sharing", async () => {
    const { electron } = await bootDesktop();
    electron.record.windows[0]!.closeByPerson();
    expect(electron.callsOf("app.quit")).toHaveLength(1);
  });

  test("leaves the agent running when somebody did, also after a restart", async () => {
    const { electron, dataFolder } = await bootDesktop();
    const menu = electron.callsOf("Menu.setApplicationMenu")[0]![0] as { template: MenuEntry[] };
    const file = menu.template.find((entry) => entry.label === "File")!;
    file.submenu!.find((entry) => entry.type === "checkbox")!.click!({ checked: true });
    electron.record.windows[0]!.closeByPerson();
    expect(electron.callsOf("app.quit")).toHaveLength(0);
    const kept = JSON.parse(readFileSync(join(dataFolder, "window/window.json"), "utf8")) as object;
    expect(kept).toMatchObject({ keepsRunning: true });
  });
});

type MenuEntry = {
  readonly label?: string;
  readonly type?: string;
  readonly submenu?: readonly MenuEntry[];
  readonly click?: (item: { checked: boolean }) => void;
};

describe("an invitation link", () => {
  const link = "tidemark://join/192.0.2.7:4400/secret-of-the-invitation";

  test("is shown and put into the join form only when the person agrees", async () => {
    const { electron } = await bootDesktop({ argv: [link] });
    const contents = electron.record.windows[0]!.webContents;
    expect(electron.callsOf("dialog.showMessageBox")).toHaveLength(0);
    contents.finishLoading();
    await settle();
    const question = electron.callsOf("dialog.showMessageBox")[0]![1] as { detail: string };
    expect(question.detail).toContain(link);
    expect(contents.sent).toEqual([["tidemark:link", link]]);
  });

  test("goes nowhere when the person refuses", async () => {
    const { electron } = await bootDesktop();
    const contents = electron.record.windows[0]!.webContents;
    contents.finishLoading();
    electron.record.boxAnswer = 1;
    electron.app.emit("second-instance", {}, ["tidemark", link]);
    await settle();
    expect(electron.callsOf("dialog.showMessageBox")).toHaveLength(1);
    expect(contents.sent).toEqual([]);
  });

  test("of another kind is ignored", async () => {
    const { electron } = await bootDesktop();
    electron.record.windows[0]!.webContents.finishLoading();
    const event = new PreventableEvent();
    electron.app.emit("open-url", event, "tidemark://erase/everything");
    await settle();
    expect(event.isPrevented).toBe(true);
    expect(electron.callsOf("dialog.showMessageBox")).toHaveLength(0);
  });
});
