/** This computer's backups: the list, one made now, one proven anew, and when they are made by themselves. */
import type { Agent } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import type { BackupEntry, BackupReport } from "../../shared/api/backups.ts";
import { BACKUP_SCHEDULE_DEFAULT, checkSchedule } from "../../shared/cluster/backup-schedule.ts";
import type { BackupSchedule } from "../../shared/cluster/backup-schedule.ts";
import { describeFailure, failureLine, type Failure } from "../parts/failure.ts";
import type { Notices } from "../parts/notices.svelte.ts";
import { text } from "../text/en.ts";

const HOURS_OF_A_DAY = 24;

type BackupsPorts = {
  readonly agent: Agent;
  readonly live: LiveStatus;
  readonly notices: Notices;
};

/** What is typed into the form, as text. */
type TypedSchedule = {
  isOn: boolean;
  folder: string;
  /** Which of the next two counts. */
  when: "hours" | "daily";
  everyHours: string;
  dailyAt: string;
  hourly: string;
  daily: string;
  weekly: string;
  monthly: string;
};

/** Owns the section. */
export class BackupsController {
  readonly typed: TypedSchedule = $state(typedOf(BACKUP_SCHEDULE_DEFAULT));
  #report = $state.raw<BackupReport | null>(null);
  #failure = $state.raw<Failure | null>(null);
  /** What is under way: a file that is proven, "new", or "schedule". */
  #busy = $state<string | null>(null);
  readonly #ports: BackupsPorts;

  /** null while what is typed is no schedule. */
  readonly wanted = $derived.by(() => scheduleOf(this.typed));

  constructor(ports: BackupsPorts) {
    this.#ports = ports;
    void this.refresh().then(() => {
      if (this.#report !== null) Object.assign(this.typed, typedOf(this.#report.schedule));
    });
  }

  /** null until the first answer. */
  get report(): BackupReport | null {
    return this.#report;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  get busy(): string | null {
    return this.#busy;
  }

  async refresh(): Promise<void> {
    const answer = await this.#ports.agent.call("backups", {});
    this.#failure = answer.ok ? null : describeFailure(answer.error);
    if (answer.ok) this.#report = answer.value;
  }

  /** Makes one now. */
  async make(): Promise<void> {
    const { agent, notices } = this.#ports;
    this.#busy = "new";
    const answer = await agent.call("makeBackup", {});
    this.#busy = null;
    if (answer.ok) notices.done(text.backups.made(answer.value.madeBy ?? ""));
    else notices.problem(failureLine(answer.error));
    await this.refresh();
  }

  /** Proves one anew. */
  async verify({ file }: BackupEntry): Promise<void> {
    const { agent, notices } = this.#ports;
    this.#busy = file;
    const answer = await agent.call("verifyBackup", { file });
    this.#busy = null;
    if (!answer.ok) notices.problem(failureLine(answer.error));
    else if (answer.value.check.isVerified) notices.done(text.backups.stillGood);
    else notices.problem(text.backups.isDamaged);
    await this.refresh();
  }

  /** Sets the schedule. */
  async save(): Promise<void> {
    const { agent, notices } = this.#ports;
    const { wanted } = this;
    if (wanted === null) return;
    this.#busy = "schedule";
    const answer = await agent.call("setBackupSchedule", wanted);
    this.#busy = null;
    if (answer.ok) notices.done(text.backups.saved);
    else notices.problem(failureLine(answer.error));
    await this.refresh();
  }
}

function typedOf({ isOn, folder, everyHours, dailyAt, keep }: BackupSchedule): TypedSchedule {
  const { hourly, daily, weekly, monthly } = keep;
  return {
    isOn,
    folder: folder ?? "",
    when: dailyAt === null ? "hours" : "daily",
    everyHours: String(everyHours),
    dailyAt: dailyAt ?? text.backups.dailyExample,
    hourly: String(hourly),
    daily: String(daily),
    weekly: String(weekly),
    monthly: String(monthly),
  };
}

function scheduleOf(typed: TypedSchedule): BackupSchedule | null {
  const count = (written: string): number => Number(written.trim() || Number.NaN);
  const folder = typed.folder.trim();
  const checked = checkSchedule({
    isOn: typed.isOn,
    folder: folder === "" ? null : folder,
    // What does not count must not stand in the way.
    everyHours: typed.when === "hours" ? count(typed.everyHours) : HOURS_OF_A_DAY,
    dailyAt: typed.when === "daily" ? typed.dailyAt.trim() : null,
    keep: {
      hourly: count(typed.hourly),
      daily: count(typed.daily),
      weekly: count(typed.weekly),
      monthly: count(typed.monthly),
    },
  });
  return checked.ok ? checked.value : null;
}
