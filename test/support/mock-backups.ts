/** Backups as the mock agent tells them: made, found, damaged, and one that is missing. */
import type { BackupEntry, BackupReport, CheckedBackup } from "../../shared/api/backups.ts";
import type { ApiParams } from "../../shared/api/methods.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { BACKUP_SCHEDULE_DEFAULT } from "../../shared/cluster/backup-schedule.ts";
import type { BackupSchedule } from "../../shared/cluster/backup-schedule.ts";

const FOLDER = "/home/ada/.local/share/Tidemark/backups";

/** What a mock cluster has of them. */
export class MockBackups {
  schedule: BackupSchedule = BACKUP_SCHEDULE_DEFAULT;
  problem: BackupReport["problem"] = null;
  entries: BackupEntry[] = [
    entry("2026-11-22T18:00:00.000Z", 18_190, { isVerified: true, problem: null }),
    entry("2026-11-21T18:00:00.000Z", 17_004, {
      isVerified: false,
      problem: "Its rows come to 0f3c, and at 7:17004 they must come to 77ab.",
    }),
    { ...entry("2026-11-20T18:00:00.000Z", 16_221, null), kind: "found", madeBy: null },
  ];

  report(): BackupReport {
    const nextAt = this.schedule.isOn ? "2026-11-24T14:00:00.000Z" : null;
    const { schedule, problem, entries: backups } = this;
    const folder = schedule.folder ?? FOLDER;
    return { schedule, folder, nextAt, work: null, problem, backups };
  }

  make(): BackupEntry {
    const made = entry("2026-11-23T14:02:31.000Z", 18_204, { isVerified: true, problem: null });
    this.entries = [made, ...this.entries];
    return made;
  }

  set(changes: ApiParams<"setBackupSchedule">): BackupSchedule {
    this.schedule = { ...this.schedule, ...changes };
    return this.schedule;
  }

  verify(file: string): CheckedBackup | null {
    const found = this.entries.find((each) => each.file === file);
    if (found === undefined) return null;
    const at = "2026-11-23T14:02:31.000Z";
    const check = { at, isVerified: true, comparedWith: "file", problem: null } as const;
    this.entries = this.entries.map((each) => (each === found ? { ...found, check } : each));
    const { position, madeBy, bytes } = found;
    return {
      file,
      position,
      workspace: { id: "c", name: "Clinic" },
      at: found.at,
      madeBy,
      bytes,
      check,
    };
  }
}

function entry(
  at: string,
  index: number,
  check: Pick<CheckedBackup["check"], "isVerified" | "problem"> | null,
): BackupEntry {
  const time = at.replace(/[-:]|\.\d{3}/g, "");
  return {
    file: `${FOLDER}/tidemark-clinic-${time}-7-${index}-front-desk.sqlite`,
    position: { term: term(7), index: logIndex(index) },
    ...{ at, bytes: 4_812_800, sha256: null, madeBy: "Reception mirror", kind: "scheduled" },
    check: check === null ? null : { at, comparedWith: "leader", ...check },
    isThere: true,
  };
}
