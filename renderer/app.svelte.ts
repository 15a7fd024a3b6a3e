/** What one window is made of, built once by `main.ts`: features meet here and nowhere else. */
import type { Agent, AgentClient } from "./agent/client.ts";
import { LiveStatus } from "./agent/live.svelte.ts";
import { Notices } from "./parts/notices.svelte.ts";
import { PastController, type PastView } from "./past/past.svelte.ts";
import { parseRoute, type Route } from "./route.ts";
import { SqlController } from "./sql/sql.svelte.ts";
import { TablesController } from "./tables/tables.svelte.ts";
import { ThemeController } from "./theme/theme.svelte.ts";

/** Where pages of data get it from. */
export type DataSource = {
  readonly agent: Agent;
  readonly tables: TablesController;
  readonly canEdit: boolean;
};

/** The window's controllers that live as long as it does. */
export class AppController {
  readonly agent: AgentClient;
  readonly live: LiveStatus;
  readonly notices = new Notices();
  readonly tables: TablesController;
  readonly past: PastController;
  readonly sql: SqlController;
  readonly theme: ThemeController;
  /** Of the moment that is looked at; null: the present. */
  #pastTables = $state.raw<TablesController | null>(null);
  #route = $state.raw<Route>({ page: "tables", table: null });
  #areShortcutsOpen = $state(false);
  #offeredLink = $state<string | null>(null);
  readonly #window: Window;

  constructor(agent: AgentClient, window: Window) {
    this.agent = agent;
    this.#window = window;
    this.live = new LiveStatus(agent);
    this.tables = new TablesController(agent, this.live);
    this.past = new PastController(agent, (view) => this.#onPast(view));
    const asked = (): Agent => this.past.view?.agent ?? agent;
    this.sql = new SqlController(asked, this.live, () => window.performance.now());
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

  /** What pages of data show: the present, or one moment of the past. */
  get source(): DataSource {
    const { view } = this.past;
    if (view === null || this.#pastTables === null) {
      return { agent: this.agent, tables: this.tables, canEdit: this.live.canEdit };
    }
    return { agent: view.agent, tables: this.#pastTables, canEdit: false };
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
    this.#pastTables?.dispose();
    this.live.dispose();
    this.notices.dispose();
    this.agent.dispose();
  }

  #onPast(view: PastView | null): void {
    this.#pastTables?.dispose();
    this.#pastTables = view === null ? null : new TablesController(view.agent, this.live);
    this.sql.clear();
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
