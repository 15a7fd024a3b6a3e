/** Backups as the API tells them. */
import type { Position } from "../base/ids.ts";
import type { BackupSchedule } from "../cluster/backup-schedule.ts";

/** The proof of one backup: it was read back from its disk into a scratch store and recomputed. */
export type BackupCheck = {
  /** ISO 8601. */
  readonly at: string;
  readonly isVerified: boolean;
  /**
   * With whose checksum of that position it was compared: the leader's, that of the member that made it, or, when
   * nobody knows it any more, the one noted in the file.
   */
  readonly comparedWith: "leader" | "maker" | "file";
  /** Why it is not verified, as a sentence; null when it is. */
  readonly problem: string | null;
};

/** A backup that is known here. */
export type BackupEntry = {
  /** The whole path. */
  readonly file: string;
  /** The position it holds; null when not even its name tells. */
  readonly position: Position | null;
  /** ISO 8601, by the clock of the computer that made it; null when unknown. */
  readonly at: string | null;
  readonly bytes: number;
  readonly sha256: string | null;
  /** The name of the computer that made it; null when unknown. */
  readonly madeBy: string | null;
  /** `found`: it lies in the folder, and another computer or a former installation put it there. */
  readonly kind: "scheduled" | "asked" | "found";
  /** null: not checked here yet. */
  readonly check: BackupCheck | null;
  /** Whether the file was there when this was asked. */
  readonly isThere: boolean;
};

/** A backup that was not made, or not kept. */
export type BackupProblem = {
  readonly at: string;
  readonly code: string;
  readonly message: string;
};

/** What is being done with a backup here; one at a time, the others wait. */
export type BackupWork = {
  /** `waiting`: for the follower that makes it. `reading`: it is read back and recomputed. */
  readonly step: "packing" | "waiting" | "fetching" | "reading";
  readonly doneBytes: number;
  /** null while not known. */
  readonly totalBytes: number | null;
};

/** Everything about this member's backups. */
export type BackupReport = {
  readonly schedule: BackupSchedule;
  /** Where scheduled ones are put. */
  readonly folder: string;
  /** ISO 8601; null when the schedule is off. */
  readonly nextAt: string | null;
  /** null when nothing is under way. */
  readonly work: BackupWork | null;
  /** Why the last scheduled one is missing; null when it was made. */
  readonly problem: BackupProblem | null;
  /** The newest first. */
  readonly backups: readonly BackupEntry[];
};

/** A file that was read. */
export type CheckedBackup = {
  readonly file: string;
  readonly position: Position | null;
  /** The workspace it was made of; null when it cannot be read. */
  readonly workspace: { readonly id: string; readonly name: string } | null;
  readonly at: string | null;
  readonly madeBy: string | null;
  readonly bytes: number;
  readonly check: BackupCheck;
};

/** The API's methods about backups: name -> params and result. */
export type BackupMethods = {
  /**
   * Makes a backup and proves it by restoring it into a scratch store. A leader has it made by a follower, when one is
   * there: `madeBy` says who did. What was at `file` is replaced once the new one is proven.
   */
  makeBackup: {
    params: {
      /** A whole path on this computer; without it a new name in the folder of scheduled ones. */
      readonly file?: string;
      /** By this computer, even when it leads. */
      readonly here?: boolean;
    };
    result: BackupEntry;
  };
  /** This computer's backups, and when the next is made. */
  backups: { params: { readonly [key: string]: never }; result: BackupReport };
  /** Restores a file into a scratch store, and compares it. */
  verifyBackup: { params: { readonly file: string }; result: CheckedBackup };
  /** When this computer makes backups by itself, where, and how many stay. */
  setBackupSchedule: { params: Partial<BackupSchedule>; result: BackupSchedule };
};
