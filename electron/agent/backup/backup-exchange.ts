/**
 * A backup made on one member for another: followers do the work, so that the leader is left alone. Both ends. The
 * maker proves the file before it hands it over in pieces; who asked writes them aside and compares the SHA-256 of
 * what its own disk gives back.
 */
import type { BackupCheck } from "../../../shared/api/backups.ts";
import type { ApiError } from "../../../shared/api/methods.ts";
import { hexEncode } from "../../../shared/base/bytes.ts";
import { logIndex, term } from "../../../shared/base/ids.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { base64Decode, base64Encode } from "../../../shared/changes/base64.ts";
import type { Clock, DiskFile, Disk, Random, Timer } from "../ports.ts";
import type { Forwarder } from "../replica/forwarder.ts";
import type { MadeBackup } from "./backup-maker.ts";
import { hashFile, writeAnew, type BackupPlace } from "./backup-scratch.ts";
import type { WorkNow } from "./backup-work.ts";

type BackupExchangeOptions = {
  readonly clock: Clock;
  readonly random: Random;
  /** The data folder: what is handed over lies there meanwhile. */
  readonly disk: Disk;
  readonly forwarder: Forwarder;
  /** Makes one here, when no other is being made. */
  readonly make: (place: BackupPlace) => Promise<Result<MadeBackup, ApiError>>;
  readonly work: WorkNow;
};

type HandedOver = { readonly id: string; readonly file: DiskFile; timer: Timer | null };

/** Inside the data folder; one at a time. */
const HANDED_OVER_FILE = "backup-for-another.part";
/** Making and proving one of the largest databases. */
const MAKE_WAIT_MS = 10 * 60_000;
const PIECE_WAIT_MS = 30_000;
/** In base64 well below what a forwarded answer may have. */
const PIECE_BYTES = 384 * 1024;
/** Who asked is gone, or its program stopped. */
const IDLE_MS_MAX = 60_000;

/** Names of the forwarded methods. */
const METHOD = { MAKE: "make-backup", READ: "read-backup", DROP: "drop-backup" } as const;

/** Asks others, and serves them. */
export class BackupExchange {
  readonly #options: BackupExchangeOptions;
  readonly #waiting = new Set<() => void>();
  #handedOver: HandedOver | null = null;
  #isClosed = false;

  constructor(options: BackupExchangeOptions) {
    this.#options = options;
  }

  /**
   * Has a member make one, and fetches it to `place`, synced.
   *
   * @param roomProblem Why a file of a size may not go there.
   */
  async fetch(
    from: MemberId,
    place: BackupPlace,
    roomProblem: (sizeBytes: number) => Promise<ApiError | null>,
  ): Promise<Result<MadeBackup, ApiError>> {
    this.#options.work.tell("waiting", 0, null);
    const made = await this.#ask(from, METHOD.MAKE, {}, MAKE_WAIT_MS);
    if (!made.ok) return made;
    const { id, ...backup } = parseMade(made.value) ?? { id: null };
    if (id === null || !("sha256" in backup)) return err(strange());
    const room = await roomProblem(backup.sizeBytes);
    const fetched =
      room === null ? await this.#fetchInto(place, from, { id, ...backup }) : err(room);
    await this.#ask(from, METHOD.DROP, { id }, PIECE_WAIT_MS);
    return fetched.ok ? ok(backup) : fetched;
  }

  /** Another member's call; null when it is none of these. */
  async serve(method: string, params: unknown): Promise<Result<unknown, ApiError> | null> {
    const { id, at } = (typeof params === "object" ? (params ?? {}) : {}) as Record<
      string,
      unknown
    >;
    switch (method) {
      case METHOD.MAKE:
        return this.#makeForAnother();
      case METHOD.READ:
        return this.#readPiece(id, at);
      case METHOD.DROP:
        if (id === this.#handedOver?.id) await this.drop();
        return ok(null);
      default:
        return null;
    }
  }

  /** Ends what is asked of others, and what they are given. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#waiting) end();
    await this.drop();
  }

  /** Forgets what was handed over, and removes what a process that ended left. */
  async drop(): Promise<void> {
    const handedOver = this.#handedOver;
    this.#handedOver = null;
    handedOver?.timer?.cancel();
    await handedOver?.file.close();
    const { disk } = this.#options;
    const names = await disk.list("");
    if (names.ok && names.value.includes(HANDED_OVER_FILE)) await disk.remove(HANDED_OVER_FILE);
  }

  async #fetchInto(
    place: BackupPlace,
    from: MemberId,
    made: { readonly id: string; readonly sizeBytes: number; readonly sha256: string },
  ): Promise<Result<null, ApiError>> {
    const { id, sizeBytes, sha256 } = made;
    let lost: ApiError | null = null;
    const written = await writeAnew(place, async (file) => {
      for (let at = 0; at < sizeBytes;) {
        this.#options.work.tell("fetching", at, sizeBytes);
        const answer = await this.#ask(from, METHOD.READ, { id, at }, PIECE_WAIT_MS);
        const piece = answer.ok ? parsePiece(answer.value, sizeBytes - at) : null;
        if (piece === null) {
          lost = answer.ok ? strange() : answer.error;
          return err({ code: "storage-failed", detail: "the rest did not come" });
        }
        const appended = await file.append([piece]);
        if (!appended.ok) return appended;
        at += piece.length;
      }
      return file.sync();
    });
    if (!written.ok) return err(lost ?? written.error);
    const hash = await hashFile(place);
    if (hash.ok && hash.value === sha256) return ok(null);
    await place.disk.remove(place.path);
    return hash.ok ? err(strange()) : hash;
  }

  async #makeForAnother(): Promise<Result<unknown, ApiError>> {
    const { disk, make, random } = this.#options;
    if (this.#handedOver !== null) {
      return err({ code: "busy", message: "A backup is being handed over to somebody already." });
    }
    const made = await make({ disk, path: HANDED_OVER_FILE });
    if (!made.ok) return made;
    const opened = await disk.open(HANDED_OVER_FILE);
    if (!opened.ok) return err({ code: "storage-failed", message: `${opened.error.detail}.` });
    const id = hexEncode(random.bytes(16));
    this.#handedOver = { id, file: opened.value, timer: null };
    this.#touch(this.#handedOver);
    return ok({ id, ...made.value });
  }

  async #readPiece(id: unknown, at: unknown): Promise<Result<unknown, ApiError>> {
    const handedOver = this.#handedOver;
    const offset = Number.isSafeInteger(at) ? (at as number) : -1;
    if (handedOver === null || id !== handedOver.id || offset < 0) {
      return err({ code: "not-found", message: "This backup is not there any more; ask again." });
    }
    this.#touch(handedOver);
    const { file } = handedOver;
    const length = Math.max(0, Math.min(PIECE_BYTES, file.sizeBytes - offset));
    const piece = await file.read(offset, length);
    if (piece.ok) return ok({ $blob: base64Encode(piece.value) });
    return err({ code: "storage-failed", message: `${piece.error.detail}.` });
  }

  #touch(handedOver: HandedOver): void {
    handedOver.timer?.cancel();
    handedOver.timer = this.#options.clock.after(IDLE_MS_MAX, () => void this.drop());
  }

  #ask(
    from: MemberId,
    method: string,
    params: unknown,
    withinMs: number,
  ): Promise<Result<unknown, ApiError>> {
    const gone = err({ code: "busy", message: "This computer is shutting down." } as const);
    if (this.#isClosed) return Promise.resolve(gone);
    return new Promise((resolve) => {
      const end = (): void => resolve(gone);
      this.#waiting.add(end);
      void this.#options.forwarder.ask(from, { method, params, withinMs }).then((answer) => {
        this.#waiting.delete(end);
        resolve(answer);
      });
    });
  }
}

/** Another member's answer; null when it is not what this version knows. */
function parseMade(value: unknown): (MadeBackup & { readonly id: string }) | null {
  const { id, position, at, sizeBytes, sha256, madeBy, check } = fieldsOf(value);
  const { term: atTerm, index } = fieldsOf(position);
  const texts = [id, at, sha256, madeBy];
  if (!texts.every((each) => typeof each === "string" && each.length <= 256)) return null;
  if (![sizeBytes, atTerm, index].every((each) => Number.isSafeInteger(each))) return null;
  const { isVerified, comparedWith, at: checkedAt } = fieldsOf(check);
  if (isVerified !== true || typeof checkedAt !== "string") return null;
  const with_: BackupCheck["comparedWith"] = comparedWith === "leader" ? "leader" : "maker";
  return {
    id: id as string,
    position: { term: term(atTerm as number), index: logIndex(index as number) },
    at: at as string,
    sizeBytes: sizeBytes as number,
    sha256: sha256 as string,
    madeBy: madeBy as string,
    check: { at: checkedAt, isVerified: true, comparedWith: with_, problem: null },
  };
}

function parsePiece(value: unknown, bytesMax: number): Uint8Array | null {
  const { $blob: text } = fieldsOf(value);
  const piece = typeof text === "string" ? base64Decode(text) : null;
  return piece === null || piece.length === 0 || piece.length > bytesMax ? null : piece;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function strange(): ApiError {
  const message = "The other computer handed over something else than it made; nothing was kept.";
  return { code: "unreachable", message };
}
