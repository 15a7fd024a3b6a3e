/** What is kept of the past, what it costs here, and how much the workspace wants to keep. */
import type { Agent } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import type { RetentionReport } from "../../shared/api/past.ts";
import {
  checkRetention,
  diskUseMax,
  RETENTION_LIMITS,
  type RetentionKey,
} from "../../shared/cluster/retention.ts";
import { describeFailure, failureLine, type Failure } from "../parts/failure.ts";
import type { Notices } from "../parts/notices.svelte.ts";
import { text } from "../text/en.ts";

const KEYS = Object.keys(RETENTION_LIMITS) as RetentionKey[];
const MIB = 1024 * 1024;

type SettingsPorts = {
  readonly agent: Agent;
  readonly live: LiveStatus;
  readonly notices: Notices;
};

/** Owns the page of settings. */
export class SettingsController {
  readonly typed: Record<RetentionKey, string> = $state({
    "retention-mib": "",
    "retention-days": "",
  });
  #report = $state.raw<RetentionReport | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #isSaving = $state(false);
  readonly #ports: SettingsPorts;

  readonly wrong = $derived.by(() => KEYS.filter((key) => this.#valueOf(key) === null));
  readonly changed = $derived.by(() =>
    KEYS.filter((key) => this.#valueOf(key) !== this.#report?.settings[key]),
  );
  /** The most that log and snapshots would take with what is typed. */
  readonly most = $derived.by(() => {
    const mebibytes = this.#valueOf("retention-mib");
    if (this.#report === null || mebibytes === null) return null;
    return diskUseMax({ ...this.#report.sizes, retentionBytes: mebibytes * MIB });
  });
  /** Days that so much log would reach back at the pace of late; null when that is not known. */
  readonly days = $derived.by(() => {
    const [mebibytes, days] = [this.#valueOf("retention-mib"), this.#valueOf("retention-days")];
    const pace = this.#report?.bytesPerDay ?? 0;
    if (pace === 0 || mebibytes === null || days === null) return null;
    return Math.min(days, (mebibytes * MIB) / pace);
  });

  constructor(ports: SettingsPorts) {
    this.#ports = ports;
    void this.refresh();
  }

  /** null until the first answer. */
  get report(): RetentionReport | null {
    return this.#report;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  get isSaving(): boolean {
    return this.#isSaving;
  }

  async refresh(): Promise<void> {
    const answer = await this.#ports.agent.call("retention", {});
    this.#failure = answer.ok ? null : describeFailure(answer.error);
    if (!answer.ok) return;
    this.#report = answer.value;
    for (const key of KEYS) this.typed[key] = String(answer.value.settings[key]);
  }

  /** Writes what was changed, for all computers. */
  async save(): Promise<void> {
    const { agent, live, notices } = this.#ports;
    this.#isSaving = true;
    for (const key of this.changed) {
      const value = this.#valueOf(key);
      if (value === null) continue;
      const answer = await agent.call("changeSetting", { key, value });
      if (answer.ok) continue;
      live.learnFrom(answer.error);
      notices.problem(failureLine(answer.error));
      this.#isSaving = false;
      return;
    }
    this.#isSaving = false;
    await this.refresh();
    notices.done(text.settings.saved);
  }

  #valueOf(key: RetentionKey): number | null {
    const checked = checkRetention(key, Number(this.typed[key].trim() || Number.NaN));
    return checked.ok ? checked.value : null;
  }
}
