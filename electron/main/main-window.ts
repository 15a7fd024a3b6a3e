/**
 * The one window: its shape, its place on the screen and its port to the agent. It never reads
 * or writes what the page shows.
 */
import { BrowserWindow, nativeTheme, screen } from "electron";
import type { MessagePortMain, WebPreferences } from "electron";
import { APP_PAGE } from "./app-protocol.ts";
import type { DeepLink } from "./deep-link.ts";
import { isReachable } from "./window-state.ts";
import type { ShellState } from "./window-state.ts";

/** Wait before a crashed page is loaded again, in ms. */
const RELOAD_DELAY_MS = 1_000;

/** What the window needs from the rest of the shell. */
export type MainWindowOptions = {
  readonly preloadPath: string;
  readonly iconPath: string;
  readonly state: ShellState;
  readonly isDevelopment: boolean;
  /** A new port to the agent; null while it is not running. */
  readonly connect: () => MessagePortMain | null;
  readonly onStateChange: (change: Pick<ShellState, "bounds" | "isMaximized">) => void;
};

/** The page gets nothing but a port: no Node, no Electron, no other process's memory. */
export function webPreferences(preloadPath: string, isDevelopment: boolean): WebPreferences {
  return {
    preload: preloadPath,
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    nodeIntegrationInWorker: false,
    nodeIntegrationInSubFrames: false,
    webSecurity: true,
    allowRunningInsecureContent: false,
    webviewTag: false,
    navigateOnDragDrop: false,
    spellcheck: false,
    devTools: isDevelopment,
  };
}

/** Opens the window; it shows itself once there is something to see. */
export function openMainWindow(options: MainWindowOptions): BrowserWindow {
  const { state } = options;
  const screens = screen.getAllDisplays().map((display) => display.workArea);
  const place = state.bounds !== null && isReachable(state.bounds, screens) ? state.bounds : null;
  const window = new BrowserWindow({
    ...(place ?? { width: 1280, height: 800 }),
    minWidth: 360,
    minHeight: 480,
    show: false,
    title: "Tidemark",
    icon: options.iconPath,
    backgroundColor: nativeTheme.shouldUseDarkColors ? "#0a1319" : "#f3f6f8",
    webPreferences: webPreferences(options.preloadPath, options.isDevelopment),
  });
  if (state.isMaximized) window.maximize();
  window.once("ready-to-show", () => {
    window.show();
  });
  window.on("close", () => {
    options.onStateChange({ bounds: window.getNormalBounds(), isMaximized: window.isMaximized() });
  });
  window.webContents.on("did-finish-load", () => {
    handOverPort(window, options.connect());
  });
  window.webContents.on("render-process-gone", (_event, details) => {
    if (details.reason !== "clean-exit") reloadSoon(window);
  });
  void window.loadURL(APP_PAGE);
  return window;
}

/** Not at once: a page that crashes while it loads would keep a processor busy for ever. */
function reloadSoon(window: BrowserWindow): void {
  setTimeout(() => {
    if (!window.isDestroyed()) window.webContents.reload();
  }, RELOAD_DELAY_MS);
}

/** Gives the page its port; a page that had one before drops the old one. */
export function handOverPort(window: BrowserWindow, port: MessagePortMain | null): void {
  if (port === null || window.isDestroyed()) return;
  window.webContents.postMessage("tidemark:port", null, [port]);
}

/** Shows a link in the join form; the person decides there. */
export function showLink(window: BrowserWindow, link: DeepLink): void {
  if (!window.isDestroyed()) window.webContents.send("tidemark:link", link.link);
}
