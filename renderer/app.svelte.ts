/** What one window is made of, built once by `main.ts`: features meet here and nowhere else. */
import type { AgentClient } from "./agent/client.ts";
import { LiveStatus } from "./agent/live.svelte.ts";
import { Notices } from "./parts/notices.svelte.ts";
import { parseRoute, type Route } from "./route.ts";
import { SqlController } from "./sql/sql.svelte.ts";
import { TablesController } from "./tables/tables.svelte.ts";
import { ThemeController } from "./theme/theme.svelte.ts";

/** The window's controllers that live as long as it does. */
export class AppController {
  readonly agent: AgentClient;
  readonly live: LiveStatus;
  readonly notices = new Notices();
  readonly tables: TablesController;
  readonly sql: SqlController;
  readonly theme: ThemeController;
  #route = $state.raw<Route>({ page: "tables", table: null });
  #areShortcutsOpen = $state(false);
  #offeredLink = $state<string | null>(null);
  readonly #window: Window;

  constructor(agent: AgentClient, window: Window) {
    this.agent = agent;
    this.#window = window;
    this.live = new LiveStatus(agent);
    this.tables = new TablesController(agent, this.live);
    this.sql = new SqlController(agent, this.live, () => window.performance.now());
    this.theme = new ThemeController(window.document.documentElement, window.localStorage);
    this.#route = parseRoute(window.location.hash);
    window.addEventListener("hashchange", this.#onHash);
    window.addEventListener("message", this.#onMessage);
  }

  /** An invite link somebody opened, for the form of the first run; null when there is none. */
  get offeredLink(): string | null {
    return this.#offeredLink;
  }

  get route(): Route {
    return this.#route;
  }

  get areShortcutsOpen(): boolean {
    return this.#areShortcutsOpen;
  }

  go(href: string): void {
    this.#window.location.hash = href;
  }

  /** Goes there without a step in the browser's history: for what nobody clicked. */
  settleOn(href: string): void {
    this.#window.location.replace(href);
  }

  openShortcuts(): void {
    this.#areShortcutsOpen = true;
  }

  closeShortcuts(): void {
    this.#areShortcutsOpen = false;
  }

  dispose(): void {
    this.#window.removeEventListener("hashchange", this.#onHash);
    this.#window.removeEventListener("message", this.#onMessage);
    this.tables.dispose();
    this.live.dispose();
    this.notices.dispose();
    this.agent.dispose();
  }

  /** From the preload script. A link is only ever put into the form: a person joins. */
  readonly #onMessage = (event: MessageEvent): void => {
    const data: unknown = event.data;
    if (event.source !== this.#window || typeof data !== "object" || data === null) return;
    const { type, link }: { readonly type?: unknown; readonly link?: unknown } = data;
    if (type === "tidemark:link" && typeof link === "string") this.#offeredLink = link;
  };

  readonly #onHash = (): void => {
    this.#route = parseRoute(this.#window.location.hash);
  };
}
