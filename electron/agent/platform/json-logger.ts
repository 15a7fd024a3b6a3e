/**
 * The agent's log lines: one JSON object each, to a file of bounded size or to stderr.
 *
 * A line is written at once and in place, so that the last words before a crash are there. What
 * cannot be written is dropped: a full disk must not stop replication because of its log file.
 */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { pino } from "pino";
import type { DestinationStream } from "pino";
import type { Logger } from "../ports.ts";
import { errorNumber } from "./disk-errors.ts";

/** A logger that owns its file. */
export type ClosableLogger = Logger & { close(): void };

/** Where lines go and how they are stamped. */
export type LoggerOptions = {
  /** Null writes to stderr. */
  readonly path: string | null;
  /** The file is then renamed to `path.1`, replacing the one before: twice this at most. */
  readonly bytesMax: number;
  readonly wallMs: () => number;
};

/** Opens the log. When the file cannot be opened, lines go to stderr. */
export function openLogger(options: LoggerOptions): ClosableLogger {
  const destination =
    options.path === null ? null : CappedFile.open(options.path, options.bytesMax);
  const logger = pino(
    { base: null, timestamp: () => `,"time":${options.wallMs()}` },
    destination ?? stderrStream,
  );
  return {
    info: (event, detail) => logger.info({ event, ...detail }),
    warn: (event, detail) => logger.warn({ event, ...detail }),
    close: () => destination?.close(),
  };
}

const stderrStream: DestinationStream = {
  write: (line) => {
    process.stderr.write(line);
  },
};

class CappedFile implements DestinationStream {
  readonly #path: string;
  readonly #bytesMax: number;
  #descriptor: number | null;
  #sizeBytes: number;

  private constructor(path: string, bytesMax: number, descriptor: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#descriptor = descriptor;
    this.#sizeBytes = fstatSync(descriptor).size;
  }

  static open(path: string, bytesMax: number): CappedFile | null {
    const descriptor = unlessSystemError(() => openSync(path, "a", 0o600));
    return descriptor === null ? null : new CappedFile(path, bytesMax, descriptor);
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#bytesMax) this.#turnOver();
    const descriptor = this.#descriptor;
    if (descriptor === null) return;
    const count = unlessSystemError(() => writeSync(descriptor, bytes));
    this.#sizeBytes += count ?? 0;
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #turnOver(): void {
    this.close();
    unlessSystemError(() => renameSync(this.#path, `${this.#path}.1`));
    this.#descriptor = unlessSystemError(() => openSync(this.#path, "a", 0o600));
    this.#sizeBytes = 0;
  }
}

function unlessSystemError<T>(action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    if (errorNumber(error) === null) throw error;
    return null;
  }
}
