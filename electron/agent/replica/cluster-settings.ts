/**
 * The workspace's settings as this member's database has them: rows of a replicated table, so every member gets
 * them with the log. Kept in memory, and read again when the rows may be others.
 */
import { retentionWith, type Retention } from "../../../shared/cluster/retention.ts";
import type { Store } from "../ports.ts";
import { askStore } from "./ask-store.ts";

/** Owns them. */
export class ClusterSettings {
  readonly #store: Store;
  readonly #defaults: Retention;
  #retention: Retention;

  /** @param defaults What holds where nobody set anything. */
  constructor(store: Store, defaults: Retention) {
    this.#store = store;
    this.#defaults = defaults;
    this.#retention = defaults;
  }

  get retention(): Retention {
    return this.#retention;
  }

  /** The rows may be others: after a start, a snapshot, or a change of them. */
  async refresh(): Promise<void> {
    const asked = await askStore(this.#store, "query", {
      sql: "SELECT key, value FROM _tidemark_settings ORDER BY key",
      params: [],
      rowsMax: 1_000,
      isInternal: true,
    });
    // A store that is being filled again holds what was read before, or the log brings it anew.
    if (!asked.ok || !asked.value.ok) return;
    const rows = asked.value.value.rows.map(
      ([key, value]) => [String(key), String(value)] as const,
    );
    this.#retention = retentionWith(this.#defaults, rows);
  }
}
