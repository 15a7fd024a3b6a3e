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

  openShortcuts(): void {
    this.#areShortcutsOpen = true;
  }

  closeShortcuts(): void {
    this.#areShortcutsOpen = false;
  }

  dispose(): void {
    this.#window.removeEventListener("hashchange", this.#onHash);
    this.tables.dispose();
    this.live.dispose();
    this.notices.dispose();
    this.agent.dispose();
  }

  readonly #onHash = (): void => {
    this.#route = parseRoute(this.#window.location.hash);
  };
}
