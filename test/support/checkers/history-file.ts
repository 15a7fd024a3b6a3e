/**
 * History files: written line by line while the run goes on, read line by line afterwards.
 *
 * Both sides are synchronous and hold one block at a time, so that a million operations cost the
 * recorder nothing between two of them and the reader no more memory than what it keeps.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { assert } from "../../../shared/base/assert.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Fault, HistoryHeader, LoadedHistory, NewOperation, Operation } from "./history.ts";
import { formatLine, parseLine } from "./history-lines.ts";
import type { HistoryLine } from "./history-lines.ts";

/** Why a history cannot be used. */
export type HistoryError = {
  readonly code: "malformed-line" | "header-missing" | "end-missing" | "count-wrong" | "unreadable";
  /** From 1; 0 when no line is to blame. */
  readonly line: number;
  readonly detail: string;
};

const WRITE_BYTES_MIN = 1 << 16;
const READ_BYTES = 1 << 20;

/** Writes one history. Every operation goes in when its outcome is known, or at the end as unknown. */
export class HistoryWriter {
  readonly #file: number;
  #lines: string[] = [];
  #waitingLength = 0;
  #operationCount = 0;
  #isClosed = false;

  /** Opens the file anew. Throws what the file system throws. */
  constructor(path: string, header: HistoryHeader) {
    this.#file = openSync(path, "w");
    this.#put({ type: "history", header });
    this.#flush();
  }

  /** How many operations it has. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** Adds an operation. @returns its id. */
  operation(operation: NewOperation): number {
    const id = ++this.#operationCount;
    this.#put({ type: "operation", operation: { id, ...operation } as Operation });
    return id;
  }

  /** Adds a line on what was done to the cluster. */
  fault(fault: Fault): void {
    this.#put({ type: "fault", fault });
  }

  /** Says that this is all, and closes the file. */
  close(): void {
    this.#put({ type: "end", operations: this.#operationCount });
    this.#flush();
    this.#isClosed = true;
    closeSync(this.#file);
  }

  #put(line: HistoryLine): void {
    assert(!this.#isClosed, "nothing is written behind the end of a history");
    const text = formatLine(line);
    this.#lines.push(text);
    this.#waitingLength += text.length;
    if (this.#waitingLength >= WRITE_BYTES_MIN) this.#flush();
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    const bytes = Buffer.from(`${this.#lines.join("\n")}\n`);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    this.#lines = [];
    this.#waitingLength = 0;
  }
}

/**
 * The lines of a history file, one after the other. Ends after the first error, which is its last
 * item; a file without its end line is one (`end-missing`), what stood before it has been given.
 */
export function* readHistoryLines(path: string): Generator<Result<HistoryLine, HistoryError>> {
  let number = 0;
  let operationCount = 0;
  let isEnded = false;
  for (const text of textLines(path)) {
    number++;
    const parsed = parseLine(text);
    if (!parsed.ok) return yield failure("malformed-line", number, parsed.error);
    const line = parsed.value;
    if ((line.type === "history") !== (number === 1)) {
      return yield failure("header-missing", number, "the first line, and no other, is the header");
    }
    if (line.type === "operation") operationCount++;
    if (isEnded) return yield failure("malformed-line", number, "a line behind the end");
    if (line.type === "end") {
      isEnded = true;
      if (line.operations !== operationCount) {
        const detail = `the end tells of ${line.operations} operations, there are ${operationCount}`;
        return yield failure("count-wrong", number, detail);
      }
    }
    yield ok(line);
  }
  if (number === 0) return yield failure("header-missing", 1, "the file is empty");
  if (!isEnded) yield failure("end-missing", number, "the recorder did not come to its end");
}

/** A whole history file. */
export function loadHistory(path: string): Result<LoadedHistory, HistoryError> {
  let header: HistoryHeader | null = null;
  const operations: Operation[] = [];
  const faults: Fault[] = [];
  try {
    for (const line of readHistoryLines(path)) {
      if (!line.ok) return line;
      if (line.value.type === "history") header = line.value.header;
      else if (line.value.type === "operation") operations.push(line.value.operation);
      else if (line.value.type === "fault") faults.push(line.value.fault);
    }
  } catch (error) {
    return failure("unreadable", 0, String(error));
  }
  assert(header !== null, "a history without a header is refused before");
  return ok({ header, operations, faults });
}

/** Cuts the file into lines without ever holding more than a block and a line. */
function* textLines(path: string): Generator<string> {
  const file = openSync(path, "r");
  try {
    const block = Buffer.alloc(READ_BYTES);
    const decoder = new StringDecoder("utf8");
    let rest = "";
    for (;;) {
      const count = readSync(file, block, 0, READ_BYTES, null);
      const text = rest + (count === 0 ? decoder.end() : decoder.write(block.subarray(0, count)));
      const lines = text.split("\n");
      rest = count === 0 ? "" : (lines.pop() ?? "");
      for (const line of lines) if (line !== "") yield line;
      if (count === 0) return;
    }
  } finally {
    closeSync(file);
  }
}

function failure(
  code: HistoryError["code"],
  line: number,
  detail: string,
): { readonly ok: false; readonly error: HistoryError } {
  return err({ code, line, detail });
}
