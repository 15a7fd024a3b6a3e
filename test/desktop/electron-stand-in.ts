/**
 * Stands in for the `electron` module: it does nothing and remembers everything, so that the
 * real main and preload code runs where Electron's runtime cannot be had. It does not imitate
 * Chromium; what the runtime does with these calls is for a test on a real desktop.
 *
 * Every import of a fresh module graph gives a fresh stand-in.
 */
import { EventEmitter } from "node:events";
import { MessageChannel } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";

/** A call somebody made: its name and what came with it. */
export type RecordedCall = { readonly name: string; readonly argv: readonly unknown[] };

/** All calls in order, and what the stand-in answers. */
export const record = {
  calls: [] as RecordedCall[],
  windows: [] as BrowserWindow[],
  children: [] as UtilityChild[],
  trays: [] as Tray[],
  /** Whether this is the first instance. */
  hasLock: true,
  /** What a person presses in a message box. */
  boxAnswer: 0,
  displays: [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }],
};

/** Arguments of every call of that name. */
export function callsOf(name: string): (readonly unknown[])[] {
  return record.calls.filter((call) => call.name === name).map((call) => call.argv);
}

function note(name: string, argv: readonly unknown[]): void {
  record.calls.push({ name, argv });
}

/** An event whose default can be prevented, as Electron hands them out. */
export class PreventableEvent {
  isPrevented = false;
  readonly url: string;
  constructor(url = "") {
    this.url = url;
  }
  preventDefault(): void {
    this.isPrevented = true;
  }
}

class App extends EventEmitter {
  isPackaged = false;
  readonly #ready = new EventEmitter();
  setPath(...argv: unknown[]): void {
    note("app.setPath", argv);
  }
  enableSandbox(): void {
    note("app.enableSandbox", []);
  }
  requestSingleInstanceLock(): boolean {
    return record.hasLock;
  }
  setAsDefaultProtocolClient(...argv: unknown[]): boolean {
    note("app.setAsDefaultProtocolClient", argv);
    return true;
  }
  getVersion(): string {
    return "0.0.0";
  }
  quit(): void {
    note("app.quit", []);
  }
  async whenReady(): Promise<void> {
    await new Promise((resolve) => this.#ready.once("ready", resolve));
  }
  /** Tests only: the moment Electron is ready. */
  becomeReady(): void {
    this.#ready.emit("ready");
  }
}

/** Electron's application object. */
export const app = new App();

/** Registered schemes and the handler of each protocol. */
export const protocol = {
  handlers: new Map<string, (request: Request) => Promise<Response>>(),
  registerSchemesAsPrivileged(...argv: unknown[]): void {
    note("protocol.registerSchemesAsPrivileged", argv);
  },
  handle(scheme: string, handler: (request: Request) => Promise<Response>): void {
    this.handlers.set(scheme, handler);
  },
};

type Handler = (...argv: never[]) => unknown;

/** Keeps what was set, by the setter's name. */
export const session = {
  defaultSession: {
    handlers: new Map<string, Handler>(),
    setPermissionRequestHandler(handler: Handler): void {
      this.handlers.set("permission-request", handler);
    },
    setPermissionCheckHandler(handler: Handler): void {
      this.handlers.set("permission-check", handler);
    },
    setDevicePermissionHandler(handler: Handler): void {
      this.handlers.set("device-permission", handler);
    },
    webRequest: {
      onBeforeRequest(handler: Handler): void {
        session.defaultSession.handlers.set("before-request", handler);
      },
    },
  },
};

/** The system's shell. */
export const shell = {
  openExternal(...argv: unknown[]): Promise<void> {
    note("shell.openExternal", argv);
    return Promise.resolve();
  },
  openPath(...argv: unknown[]): Promise<string> {
    note("shell.openPath", argv);
    return Promise.resolve("");
  },
};

/** The page inside a window. */
export class WebContents extends EventEmitter {
  openHandler: ((details: { url: string }) => { action: string }) | null = null;
  isBusy = true;
  readonly posted: { readonly channel: string; readonly ports: readonly unknown[] }[] = [];
  readonly sent: (readonly unknown[])[] = [];
  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.openHandler = handler;
  }
  postMessage(channel: string, _message: unknown, ports: readonly unknown[]): void {
    this.posted.push({ channel, ports });
  }
  send(...argv: unknown[]): void {
    this.sent.push(argv);
  }
  isLoading(): boolean {
    return this.isBusy;
  }
  reload(): void {
    note("webContents.reload", []);
  }
  /** Tests only: the page has loaded. */
  finishLoading(): void {
    this.isBusy = false;
    this.emit("did-finish-load");
  }
}

/** A window that is never drawn. */
export class BrowserWindow extends EventEmitter {
  readonly options: Record<string, unknown>;
  readonly webContents = new WebContents();
  isGone = false;
  constructor(options: Record<string, unknown>) {
    super();
    this.options = options;
    record.windows.push(this);
    app.emit("web-contents-created", {}, this.webContents);
  }
  loadURL(...argv: unknown[]): Promise<void> {
    note("window.loadURL", argv);
    return Promise.resolve();
  }
  show(): void {
    note("window.show", []);
  }
  focus(): void {
    note("window.focus", []);
  }
  restore(): void {
    note("window.restore", []);
  }
  maximize(): void {
    note("window.maximize", []);
  }
  isMinimized(): boolean {
    return false;
  }
  isMaximized(): boolean {
    return false;
  }
  isDestroyed(): boolean {
    return this.isGone;
  }
  getNormalBounds(): object {
    return { x: 11, y: 22, width: 900, height: 700 };
  }
  /** Tests only: a person closes the window. */
  closeByPerson(): void {
    this.emit("close");
    this.isGone = true;
    this.emit("closed");
    app.emit("window-all-closed");
  }
}

/** The screens. */
export const screen = { getAllDisplays: (): typeof record.displays => record.displays };

/** The system's colours. */
export const nativeTheme = { shouldUseDarkColors: false };

/** Pictures are only their paths. */
export const nativeImage = { createFromPath: (path: string): { path: string } => ({ path }) };

/** Menus are only their templates. */
export const Menu = {
  buildFromTemplate: (template: unknown): { template: unknown } => ({ template }),
  setApplicationMenu(...argv: unknown[]): void {
    note("Menu.setApplicationMenu", argv);
  },
};

/** The picture near the clock. */
export class Tray extends EventEmitter {
  image: unknown;
  toolTip = "";
  constructor(image: unknown) {
    super();
    this.image = image;
    record.trays.push(this);
  }
  setImage(image: unknown): void {
    this.image = image;
  }
  setToolTip(toolTip: string): void {
    this.toolTip = toolTip;
  }
  setContextMenu(...argv: unknown[]): void {
    note("tray.setContextMenu", argv);
  }
  destroy(): void {
    note("tray.destroy", []);
  }
}

/** Questions to the person at the screen. */
export const dialog = {
  showMessageBox(...argv: unknown[]): Promise<{ response: number }> {
    note("dialog.showMessageBox", argv);
    return Promise.resolve({ response: record.boxAnswer });
  },
};

/** The clipboard, write only. */
export const clipboard = {
  writeText(...argv: unknown[]): void {
    note("clipboard.writeText", argv);
  },
};

/** A port with Electron's way of handing over messages: as `event.data`. */
export class MessagePortMain extends EventEmitter {
  readonly #port: MessagePort;
  constructor(port: MessagePort) {
    super();
    this.#port = port;
  }
  start(): void {
    this.#port.on("message", (data) => this.emit("message", { data, ports: [] }));
  }
  postMessage(message: unknown): void {
    this.#port.postMessage(message);
  }
  close(): void {
    this.#port.close();
  }
}

/** Two ends of one connection. */
export class MessageChannelMain {
  readonly port1: MessagePortMain;
  readonly port2: MessagePortMain;
  constructor() {
    const { port1, port2 } = new MessageChannel();
    port1.unref();
    port2.unref();
    this.port1 = new MessagePortMain(port1);
    this.port2 = new MessagePortMain(port2);
  }
}

/** A process that only exists on paper. */
export class UtilityChild extends EventEmitter {
  readonly modulePath: string;
  readonly argv: readonly string[];
  readonly options: Record<string, unknown>;
  readonly stderr = new EventEmitter();
  readonly posted: { readonly message: unknown; readonly ports: readonly MessagePortMain[] }[] = [];
  isKilled = false;
  constructor(modulePath: string, argv: readonly string[], options: Record<string, unknown>) {
    super();
    this.modulePath = modulePath;
    this.argv = argv;
    this.options = options;
    record.children.push(this);
  }
  postMessage(message: unknown, ports: readonly MessagePortMain[] = []): void {
    this.posted.push({ message, ports });
  }
  kill(): boolean {
    this.isKilled = true;
    return true;
  }
}

/** Starts processes on paper. */
export const utilityProcess = {
  fork: (modulePath: string, argv: string[], options: Record<string, unknown>): UtilityChild =>
    new UtilityChild(modulePath, argv, options),
};

/** What a preload script listens to. */
export const ipcRenderer = new EventEmitter();
