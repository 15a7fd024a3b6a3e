/**
 * The desktop app's life: one window, one agent process, a tray, a menu. It wires the parts of
 * this folder together and decides when each begins and ends; what is inside them is theirs.
 */
import { join } from "node:path";
import { app, BrowserWindow, clipboard, dialog, shell } from "electron";
import type { Status } from "../../shared/cluster/status.ts";
import { AgentSupervisor } from "./agent-supervisor.ts";
import type { DeepLink } from "./deep-link.ts";
import { handOverPort, openMainWindow, showLink } from "./main-window.ts";
import { installMenu } from "./menu.ts";
import { followStatus } from "./status-feed.ts";
import { closingWords, trayWords } from "./status-words.ts";
import { StatusTray } from "./tray.ts";
import { readShellState, writeShellState } from "./window-state.ts";
import type { ShellState } from "./window-state.ts";

/** Where things are. */
export type ShellPlaces = {
  /** The folder with `preload.cjs`, `renderer` and `icons`; inside the archive once packaged. */
  readonly bundleFolder: string;
  /** The folder with `agent.js` and its worker: real files, never inside the archive. */
  readonly agentFolder: string;
  readonly dataFolder: string;
  readonly stateFile: string;
};

/** The running desktop app. */
export class DesktopShell {
  readonly #places: ShellPlaces;
  readonly #isWindowless: boolean;
  readonly #supervisor: AgentSupervisor;
  #state: ShellState;
  #window: BrowserWindow | null = null;
  #tray: StatusTray | null = null;
  #status: Status | null = null;
  #pendingLink: DeepLink | null = null;
  #isStarted = false;
  #quitting: "no" | "stopping" | "done" = "no";

  constructor(places: ShellPlaces, isWindowless: boolean) {
    this.#places = places;
    this.#isWindowless = isWindowless;
    this.#state = readShellState(places.stateFile);
    this.#supervisor = new AgentSupervisor({
      modulePath: join(places.agentFolder, "agent.js"),
      dataFolder: places.dataFolder,
      onRunning: () => {
        this.#connectAll();
      },
      onState: () => {
        this.#showTray();
      },
    });
  }

  /** Called once, when the app is ready. */
  start(): void {
    this.#isStarted = true;
    this.#supervisor.start();
    if (this.#isWindowless) return;
    this.#installMenu();
    this.#tray = new StatusTray(join(this.#places.bundleFolder, "icons"), {
      open: () => {
        this.openWindow();
      },
      quit: () => {
        app.quit();
      },
    });
    this.#showTray();
    this.openWindow();
  }

  /** Brings the window to the front, or opens it. Before the start it does nothing. */
  openWindow(): void {
    // macOS hands over links before Electron can make windows; `start` opens one anyway.
    if (!this.#isStarted) return;
    if (this.#window !== null) {
      if (this.#window.isMinimized()) this.#window.restore();
      this.#window.show();
      this.#window.focus();
      return;
    }
    const window = openMainWindow({
      preloadPath: join(this.#places.bundleFolder, "preload.cjs"),
      iconPath: join(this.#places.bundleFolder, "icons", "window.png"),
      state: this.#state,
      isDevelopment: !app.isPackaged,
      connect: () => this.#supervisor.connect(),
      onStateChange: (change) => {
        this.#remember(change);
      },
    });
    window.on("closed", () => {
      this.#window = null;
    });
    window.webContents.on("did-finish-load", () => {
      this.#offerPendingLink();
    });
    this.#window = window;
  }

  /** A link somebody clicked somewhere: shown, never followed by itself. */
  openLink(link: DeepLink): void {
    this.#pendingLink = link;
    if (this.#window === null || this.#window.webContents.isLoading()) this.openWindow();
    else this.#offerPendingLink();
  }

  /** Whether the app should end now that no window is left. */
  get endsWithLastWindow(): boolean {
    return !this.#isWindowless && !this.#state.keepsRunning;
  }

  /**
   * The agent leaves first: it hands over what it leads.
   *
   * @returns whether the caller may let the app end right away.
   */
  maybeFinishQuitting(): boolean {
    if (this.#quitting === "done") return true;
    if (this.#quitting === "no") {
      this.#quitting = "stopping";
      void this.#supervisor.stop().finally(() => {
        this.#quitting = "done";
        this.#tray?.dispose();
        this.#tray = null;
        app.quit();
      });
    }
    return false;
  }

  #connectAll(): void {
    this.#status = null;
    const ownPort = this.#supervisor.connect();
    if (ownPort !== null) {
      followStatus(ownPort, (status) => {
        this.#status = status;
        this.#showTray();
      });
    }
    const window = this.#window;
    if (window === null || window.webContents.isLoading()) return;
    handOverPort(window, this.#supervisor.connect());
  }

  #showTray(): void {
    const { state } = this.#supervisor;
    this.#tray?.show(trayWords(state, this.#status), closingWords(state, this.#status));
  }

  #remember(change: Partial<ShellState>): void {
    this.#state = { ...this.#state, ...change };
    writeShellState(this.#places.stateFile, this.#state);
  }

  #installMenu(): void {
    installMenu(
      {
        isMac: process.platform === "darwin",
        isDevelopment: !app.isPackaged,
        keepsRunning: this.#state.keepsRunning,
      },
      {
        openDataFolder: () => {
          void shell.openPath(this.#places.dataFolder);
        },
        copyDiagnostics: () => {
          void clipboard.writeText(this.#diagnostics());
        },
        setKeepsRunning: (keepsRunning) => {
          this.#remember({ keepsRunning });
        },
      },
    );
  }

  #diagnostics(): string {
    const facts = {
      version: app.getVersion(),
      electron: process.versions["electron"] ?? null,
      platform: `${process.platform} ${process.arch}`,
      agent: this.#supervisor.state,
      status: this.#status,
      errorOutput: this.#supervisor.errorLines,
    };
    return JSON.stringify(facts, null, 2);
  }

  #offerPendingLink(): void {
    const link = this.#pendingLink;
    const window = this.#window;
    if (link === null || window === null) return;
    this.#pendingLink = null;
    void askAboutLink(window, link).then((isWanted) => {
      if (isWanted) showLink(window, link);
    });
  }
}

async function askAboutLink(window: BrowserWindow, link: DeepLink): Promise<boolean> {
  const answer = await dialog.showMessageBox(window, {
    type: "question",
    message: "Open this invitation?",
    detail: `${link.link}\n\nOpen it only if you asked for it. Nothing is joined before you say so.`,
    buttons: ["Put It into the Join Form", "Ignore"],
    defaultId: 1,
    cancelId: 1,
  });
  return answer.response === 0;
}
