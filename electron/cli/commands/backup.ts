/** `backup` and `backups`: copies of the database as files that any SQLite tool opens, proven by restoring them. */
import { resolve } from "node:path";
import type { BackupCheck, BackupEntry, BackupReport } from "../../../shared/api/backups.ts";
import type { ApiError, ApiParams } from "../../../shared/api/methods.ts";
import { formatPosition } from "../../../shared/base/ids.ts";
import { ok } from "../../../shared/base/result.ts";
import type { AgentClient } from "../agent-client.ts";
import {
  addCommand,
  print,
  withAgent,
  type CliContext,
  type CommandScope,
  type CommonOptions,
} from "../command.ts";
import { fail, failWith, type CommandResult } from "../failure.ts";
import { formatBytes, textTable } from "../text-table.ts";
import { describeWork, whileWaiting } from "../waiting.ts";

type BackupOptions = CommonOptions & { readonly verify?: true; readonly here?: true };

type BackupsOptions = CommonOptions & {
  readonly on?: true;
  readonly off?: true;
  readonly now?: true;
  readonly folder?: string;
  readonly everyHours?: string;
  readonly dailyAt?: string;
  readonly keep?: string;
};

/** Registers them. */
export function registerBackupCommands(context: CliContext): void {
  addCommand(context, "backup <file>", "write the database as a plain SQLite file, and prove it")
    .option("--verify", "only prove a backup that is there: restore it beside, and compare")
    .option("--here", "made by this computer, even when it leads and a follower could")
    .action((file: string, options: BackupOptions) =>
      withAgent(context, options, (client, scope) =>
        options.verify === true
          ? verify(client, scope, resolve(file))
          : backup(client, scope, { file: resolve(file), here: options.here === true }),
      ),
    );
  addCommand(context, "backups", "list this computer's backups, or set when they are made")
    .option("--on", "make them by itself")
    .option("--off", "make none by itself")
    .option("--now", "make one now, in the folder of scheduled ones")
    .option("--folder <folder>", "where scheduled ones go; default: in the data folder")
    .option("--every-hours <n>", "hours between two, 1 to 720")
    .option("--daily-at <time>", "once a day at this local time, e.g. 02:00, or when it next wakes")
    .option("--keep <counts>", "how many stay: HOURLY,DAILY,WEEKLY,MONTHLY, e.g. 24,7,4,12")
    .action((options: BackupsOptions) =>
      withAgent(context, options, (client, scope) => backups(client, scope, options)),
    );
}

async function backup(
  client: AgentClient,
  scope: CommandScope,
  wanted: ApiParams<"makeBackup">,
): Promise<CommandResult> {
  const { terminal } = scope;
  const made = await whileWaiting(client.call("makeBackup", wanted), { terminal, client });
  if (!made.ok) return failWith(withHint(made.error));
  print(scope, made.value, () => `${describeMade(made.value)}\n`);
  return ok(null);
}

/** Nobody knows then; a file that has its name was proven before it got it. */
function withHint(error: ApiError): ApiError {
  if (error.code !== "unreachable") return error;
  return { ...error, message: `${error.message} What was made is listed by: tidemark backups` };
}

async function verify(
  client: AgentClient,
  scope: CommandScope,
  file: string,
): Promise<CommandResult> {
  const { terminal } = scope;
  const checked = await whileWaiting(client.call("verifyBackup", { file }), { terminal, client });
  if (!checked.ok) return failWith(checked.error);
  const { bytes, position, workspace, check } = checked.value;
  print(scope, checked.value, () => {
    const at = position === null ? "" : `, as of ${formatPosition(position)}`;
    const of = workspace === null ? "" : `, workspace ${workspace.name}`;
    return `${file}: ${formatBytes(bytes)}${at}${of}, ${describeCheck(check)}\n`;
  });
  return check.isVerified
    ? ok(null)
    : fail(`this backup cannot be trusted. ${check.problem ?? ""}`);
}

async function backups(
  client: AgentClient,
  scope: CommandScope,
  options: BackupsOptions,
): Promise<CommandResult> {
  const changes = parseChanges(options);
  if (changes === null) {
    return fail(
      "--every-hours is a number, --keep is four numbers: HOURLY,DAILY,WEEKLY,MONTHLY.",
      2,
    );
  }
  if (options.now === true) return backup(client, scope, {});
  if (Object.keys(changes).length > 0) {
    const set = await client.call("setBackupSchedule", changes);
    if (!set.ok) return failWith(set.error);
  }
  const report = await client.call("backups", {});
  if (!report.ok) return failWith(report.error);
  print(scope, report.value, () => describeReport(report.value));
  return ok(null);
}

function parseChanges(options: BackupsOptions): ApiParams<"setBackupSchedule"> | null {
  const { on, off, folder, everyHours, dailyAt, keep } = options;
  const counts = keep === undefined ? [] : keep.split(",").map(Number);
  const isWrong = [...counts, Number(everyHours ?? 1)].some((each) => !Number.isSafeInteger(each));
  if (isWrong || (keep !== undefined && counts.length !== 4)) return null;
  const [hourly = 0, daily = 0, weekly = 0, monthly = 0] = counts;
  return {
    ...(on === true ? { isOn: true } : {}),
    ...(off === true ? { isOn: false } : {}),
    ...(folder === undefined ? {} : { folder: resolve(folder) }),
    ...(everyHours === undefined ? {} : { everyHours: Number(everyHours), dailyAt: null }),
    ...(dailyAt === undefined ? {} : { dailyAt }),
    ...(keep === undefined ? {} : { keep: { hourly, daily, weekly, monthly } }),
  };
}

function describeReport({
  schedule,
  folder,
  nextAt,
  problem,
  work,
  ...more
}: BackupReport): string {
  const { keep } = schedule;
  const kept = `${keep.hourly} hourly, ${keep.daily} daily, ${keep.weekly} weekly, ${keep.monthly} monthly`;
  const plan =
    nextAt === null
      ? "No backups are made by themselves here (tidemark backups --on).\n"
      : `${whenOf(schedule)} into ${folder}; ${kept} stay. Next: ${nextAt}.\n`;
  const under = work === null ? "" : `Under way: ${describeWork(work)}.\n`;
  const missing =
    problem === null ? "" : `The last one was not made (${problem.at}): ${problem.message}\n`;
  if (more.backups.length === 0) return `${plan}${under}${missing}There are no backups yet.\n`;
  const table = textTable(
    [
      { title: "MADE" },
      { title: "POSITION" },
      { title: "SIZE", isNumber: true },
      { title: "BY" },
      { title: "PROOF" },
    ],
    more.backups.map((each) => [
      each.at ?? "-",
      each.position === null ? "-" : formatPosition(each.position),
      formatBytes(each.bytes),
      each.madeBy ?? "-",
      each.isThere ? describeCheck(each.check) : "the file is gone",
    ]),
  );
  const files = more.backups.map(({ file }) => `${file}\n`).join("");
  return `${plan}${under}${missing}${table}${files}`;
}

function whenOf({ everyHours, dailyAt }: BackupReport["schedule"]): string {
  return dailyAt === null ? `Every ${everyHours} h` : `Daily at ${dailyAt}, or at the next waking,`;
}

function describeMade({ file, bytes, position, madeBy, check }: BackupEntry): string {
  const at = position === null ? "" : `, as of ${formatPosition(position)}`;
  return `${file}: ${formatBytes(bytes)}${at}, made by ${madeBy ?? "-"}, ${describeCheck(check)}`;
}

function describeCheck(check: BackupCheck | null): string {
  if (check === null) return "not checked here";
  if (!check.isVerified) return `NOT verified: ${check.problem ?? "no reason known"}`;
  const whose = {
    leader: "the leader's checksum",
    maker: "the checksum of who made it",
    file: "the checksum in the file",
  };
  return `restored and equal to ${whose[check.comparedWith]}`;
}
