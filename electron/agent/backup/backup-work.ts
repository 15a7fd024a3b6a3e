import type { BackupWork } from "../../../shared/api/backups.ts";

/** How far the backup is that is under way. Whoever works on one tells it, whoever waits for it asks. */
export class WorkNow {
  #now: BackupWork | null = null;

  /** null when nothing is under way. */
  get now(): BackupWork | null {
    return this.#now;
  }

  /** @param totalBytes null while nobody knows. */
  tell(step: BackupWork["step"], doneBytes: number, totalBytes: number | null): void {
    this.#now = { step, doneBytes, totalBytes };
  }

  end(): void {
    this.#now = null;
  }
}
