import { beforeEach, describe, expect, test } from "vitest";
import { bootDesktop } from "./boot.ts";
import type { Desktop } from "./boot.ts";
import { PreventableEvent } from "./electron-stand-in.ts";

const WEB = "https://example.org/";

describe("a page", () => {
  let desktop: Desktop;
  beforeEach(async () => {
    desktop = await bootDesktop();
  });

  test.each([
    WEB,
    "http://127.0.0.1:4400/",
    "file:///etc/passwd",
    "app://tidemark.example.org/index.html",
    "app://tidemark@example.org/",
    "javascript:alert(1)",
    "not an address",
  ])("cannot navigate to %s", (address) => {
    const event = new PreventableEvent(address);
    desktop.electron.record.windows[0]!.webContents.emit("will-navigate", event);
    expect(event.isPrevented).toBe(true);
  });

  test("can be loaded again", () => {
    const event = new PreventableEvent("app://tidemark/index.html#tables");
    desktop.electron.record.windows[0]!.webContents.emit("will-navigate", event);
    expect(event.isPrevented).toBe(false);
  });

  test("cannot be redirected or embed a web view", () => {
    const contents = desktop.electron.record.windows[0]!.webContents;
    for (const name of ["will-redirect", "will-attach-webview"]) {
      const event = new PreventableEvent("app://tidemark/index.html");
      contents.emit(name, event);
      expect(event.isPrevented).toBe(true);
    }
  });

  test.each([
    [WEB, 1],
    ["http://127.0.0.1:4400/#table", 1],
    ["http://example.org/", 0],
    ["file:///etc/passwd", 0],
    ["smb://server/share", 0],
    ["https://user:password@example.org/", 0],
    ["http://127.0.0.1.example.org/", 0],
  ])("opens no window; %s goes to the browser %i times", (address, count) => {
    const contents = desktop.electron.record.windows[0]!.webContents;
    expect(contents.openHandler!({ url: address })).toEqual({ action: "deny" });
    expect(desktop.electron.callsOf("shell.openExternal")).toHaveLength(count);
  });

  test.each(["media", "geolocation", "notifications", "clipboard-read", "openExternal", "hid"])(
    "is refused %s",
    (permission) => {
      const { handlers } = desktop.electron.session.defaultSession;
      const answers: boolean[] = [];
      call(handlers.get("permission-request"), null, permission, (isGranted: boolean) => {
        answers.push(isGranted);
      });
      expect(answers).toEqual([false]);
      expect(call(handlers.get("permission-check"), null, permission)).toBe(false);
      expect(call(handlers.get("device-permission"), {})).toBe(false);
    },
  );

  test("may write to the clipboard: the grid copies", () => {
    const { handlers } = desktop.electron.session.defaultSession;
    expect(call(handlers.get("permission-check"), null, "clipboard-sanitized-write")).toBe(true);
  });

  test.each([
    ["app://tidemark/assets/index.js", false],
    ["data:image/png;base64,AA==", false],
    [WEB, true],
    ["ws://127.0.0.1:4400/ws", true],
    ["file:///etc/passwd", true],
  ])("loading %s is cancelled: %s", (address, isCancelled) => {
    const { handlers } = desktop.electron.session.defaultSession;
    const answers: unknown[] = [];
    call(handlers.get("before-request"), { url: address }, (answer: unknown) => {
      answers.push(answer);
    });
    expect(answers).toEqual([{ cancel: isCancelled }]);
  });
});

function call(handler: unknown, ...argv: unknown[]): unknown {
  return (handler as (...argv: unknown[]) => unknown)(...argv);
}
