import type { ApiError } from "../../../shared/api/methods.ts";
import type { Status } from "../../../shared/cluster/status.ts";
import type { DiskError } from "../ports.ts";

/** Whether this member's disk and database can be relied on. `failed` and `damaged` are final. */
export class StorageState {
  readonly #folder: string;
  #state: Status["storage"]["state"] = "ok";
  #detail: string | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** For the status page. */
  get shown(): Status["storage"] {
    return { state: this.#state, detail: this.#detail, folder: this.#folder };
  }

  /** Whether nothing is wrong. */
  get isOk(): boolean {
    return this.#state === "ok";
  }

  /** Alone with a log that is damaged: what is whole can be read. @param detail One sentence. */
  damaged(detail: string): void {
    this.#state = "damaged";
    this.#detail = detail;
  }

  /** The disk refused. A full disk may get better; a failed one does not. */
  diskError(error: DiskError): void {
    if (this.#state !== "ok" && this.#state !== "full") return;
    this.#state = error.code === "storage-full" ? "full" : "failed";
    this.#detail = error.detail;
  }

  /** A full disk has room again. */
  recovered(): void {
    if (this.#state !== "full") return;
    this.#state = "ok";
    this.#detail = null;
  }

  /** The database was built again from the log; a disk that failed meanwhile stays failed. */
  rebuilt(): void {
    if (this.#state !== "diverged") return;
    this.#state = "ok";
    this.#detail = null;
  }

  /** This database differs from the leader's. */
  diverged(detail: string): void {
    if (this.#state === "failed" || this.#state === "damaged") return;
    this.#state = "diverged";
    this.#detail = detail;
  }

  /** Why a write is refused; null when the storage is fine. */
  writeRefusal(): ApiError | null {
    switch (this.#state) {
      case "ok":
        return null;
      case "full":
        return {
          code: "storage-full",
          message: "The disk is full. Nothing was changed; free some space and try again.",
        };
      case "failed":
        return {
          code: "storage-failed",
          message: `The disk failed (${this.#detail ?? "no detail"}). Nothing was changed here.`,
        };
      case "diverged":
        return this.readRefusal();
      case "damaged":
        return {
          code: "log-damaged",
          message:
            `The replication log of this computer is damaged (${this.#detail ?? "no detail"}). ` +
            "Nothing was changed. What is whole can be read, exported and backed up; " +
            "see: tidemark repair.",
        };
    }
  }

  /** Why a read is refused; null when the data may be shown. */
  readRefusal(): ApiError | null {
    if (this.#state !== "diverged") return null;
    return {
      code: "diverged",
      message: `This computer's data differs from the leader's (${this.#detail ?? "no detail"}).`,
    };
  }
}
