/**
 * The workspace's settings as this member's database has them: rows of a replicated table, so every member gets
 * them with the log. Kept in memory, and read again when the rows may be others.
 */
import {
  retentionValues,
  retentionWith,
  type Retention,
} from "../../../shared/cluster/retention.ts";
import { FORWARD_WRITES, checkSetting } from "../../../shared/cluster/settings.ts";
import type { Store } from "../ports.ts";
import { askStore } from "./ask-store.ts";

/** Owns them. */
export class ClusterSettings {
  readonly #store: Store;
  readonly #defaults: Retention;
  #retention: Retention;
  #forwardsWrites = false;

  /** @param defaults What holds where nobody set anything. */
  constructor(store: Store, defaults: Retention) {
    this.#store = store;
    this.#defaults = defaults;
    this.#retention = defaults;
  }

  get retention(): Retention {
    return this.#retention;
  }

  /** Whether a member that does not lead hands edits on to the leader. */
  get forwardsWrites(): boolean {
    return this.#forwardsWrites;
  }

  /** All of them, as people write them. */
  get shown(): Readonly<Record<string, string | number>> {
    return {
      ...retentionValues(this.#retention),
      [FORWARD_WRITES]: this.#forwardsWrites ? "on" : "off",
    };
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
    // What a later version stored and this one does not understand is left out.
    const known = rows.filter(([key, value]) => checkSetting(key, value).ok);
    this.#retention = retentionWith(this.#defaults, known);
    this.#forwardsWrites = new Map(known).get(FORWARD_WRITES) === "on";
  }
}
