import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./project.mjs";

/**
 * The Electron program, or null where it was never downloaded. Asks the disk only: importing
 * the `electron` package would start its downloader.
 */
export function electronRuntime() {
  const folder =
    process.env["ELECTRON_OVERRIDE_DIST_PATH"] ?? join(ROOT, "node_modules/electron/dist");
  const pathFile = join(ROOT, "node_modules/electron/path.txt");
  const names = existsSync(pathFile) ? [readFileSync(pathFile, "utf8").trim()] : [];
  names.push("electron", "electron.exe", "Electron.app/Contents/MacOS/Electron");
  return names.map((name) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** Whether a window could be shown. */
export function hasDisplay() {
  if (process.platform !== "linux") return true;
  return Boolean(process.env["DISPLAY"] || process.env["WAYLAND_DISPLAY"]);
}

const BROWSERS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** A Chromium for tests, or null. TIDEMARK_CHROMIUM names another one. */
export function chromiumPath() {
  const named = process.env["TIDEMARK_CHROMIUM"];
  const paths = named ? [named] : BROWSERS;
  return paths.find((path) => existsSync(path)) ?? null;
}
