/**
 * Electron's entry. It holds no replication code and keeps nothing the agent needs: it sets the
 * rules for every page, makes sure there is one instance per data folder, and starts the shell.
 *
 * Everything up to `whenReady` must run in the first turn of the event loop; Electron refuses
 * schemes, sandbox and profile folder afterwards.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { app } from "electron";
import { registerAppScheme, serveAppFiles } from "./app-protocol.ts";
import { dataFolderFrom } from "./data-folder.ts";
import { deepLinkIn, parseDeepLink } from "./deep-link.ts";
import { guardAllPages } from "./page-guards.ts";
import { DesktopShell } from "./shell.ts";

/** This file is `dist/main/main.js`; the other bundles lie one folder up. */
const BUNDLE_FOLDER = fileURLToPath(new URL("..", import.meta.url));

/**
 * Worker threads and WebAssembly are loaded by plain Node, which cannot look into Electron's
 * archive; so the packager leaves the agent's files beside it.
 */
const AGENT_FOLDER = BUNDLE_FOLDER.replace(/([\\/]app\.asar)(?=[\\/])/, "$1.unpacked");

function run(): void {
  const dataFolder = dataFolderFrom(process.argv, {
    platform: process.platform,
    home: homedir(),
    environment: process.env,
  });
  // Chromium's profile lives inside the data folder, so the lock below is one per data folder.
  const profileFolder = join(dataFolder, "window");
  app.setPath("userData", profileFolder);
  app.enableSandbox();
  registerAppScheme();
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return;
  }
  const places = {
    bundleFolder: BUNDLE_FOLDER,
    agentFolder: AGENT_FOLDER,
    dataFolder,
    stateFile: join(profileFolder, "window.json"),
  };
  const shell = new DesktopShell(places, process.argv.includes("--headless"));
  listenToApp(shell);
  void app.whenReady().then(() => {
    guardAllPages();
    serveAppFiles(join(BUNDLE_FOLDER, "renderer"));
    app.setAsDefaultProtocolClient("tidemark");
    shell.start();
    const link = deepLinkIn(process.argv);
    if (link !== null) shell.openLink(link);
  });
}

function listenToApp(shell: DesktopShell): void {
  app.on("second-instance", (_event, argv) => {
    shell.openWindow();
    const link = deepLinkIn(argv);
    if (link !== null) shell.openLink(link);
  });
  app.on("open-url", (event, address) => {
    event.preventDefault();
    const link = parseDeepLink(address);
    if (link !== null) shell.openLink(link);
  });
  app.on("activate", () => {
    shell.openWindow();
  });
  app.on("window-all-closed", () => {
    if (shell.endsWithLastWindow) app.quit();
  });
  app.on("before-quit", (event) => {
    if (!shell.maybeFinishQuitting()) event.preventDefault();
  });
}

run();
