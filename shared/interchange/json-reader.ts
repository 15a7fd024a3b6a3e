/**
 * A JSON file into records: one array of objects (of any size: it is never in memory as a whole)
 * or objects one after another (NDJSON).
 *
 * It only finds where each object begins and ends; `JSON.parse` judges the rest. Whole numbers
 * beyond 2^53, which `JSON.parse` would round, are kept exactly.
 */
import { err, ok, type Result } from "../base/result.ts";
import type { BadRow, FileProblem } from "./problem.ts";
import { parseJsonFields, type JsonField } from "./json-fields.ts";

/** One object with the line it began on, from 1. */
export type JsonRecord = { readonly fields: readonly JsonField[]; readonly line: number };

/** Longest object in characters. */
export const JSON_RECORD_LENGTH_MAX = 64 * 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Takes JSON text apart, chunk by chunk. */
export class JsonReader {
  #text = "";
  /** Scanned up to here; one beyond the text when its last character was a backslash. */
  #at = 0;
  /** Where the object being scanned began; -1 between objects. */
  #start = -1;
  #depth = 0;
  #isInString = false;
  #isArray: boolean | null = null;
  #isEnded = false;
  /** Line and column of `#countedTo`. */
  #line = 1;
  #column = 1;
  #countedTo = 0;
  /** Offset of the next line end from there; -1 when not looked for yet, Infinity when none. */
  #lineEnd = -1;

  /** The objects that are complete now. @param isLast Whether the file ends with this text. */
  push(text: string, isLast: boolean): Result<readonly (JsonRecord | BadRow)[], FileProblem> {
    this.#text += text;
    const records: (JsonRecord | BadRow)[] = [];
    while (this.#at < this.#text.length) {
      if (this.#start < 0) {
        const problem = this.#between();
        if (problem !== null) return err(problem);
      } else if (this.#scanObject()) {
        records.push(this.#take());
      }
    }
    const kept = this.#start < 0 ? this.#at : this.#start;
    this.#count(kept);
    this.#text = this.#text.slice(kept);
    this.#countedTo = 0;
    this.#lineEnd = -1;
    this.#at -= kept;
    if (this.#start >= 0) this.#start = 0;
    if (this.#text.length > JSON_RECORD_LENGTH_MAX) {
      return err(this.#problem("cell-too-large", "an object is longer than 64 Mi characters."));
    }
    const isCut = this.#start >= 0 || (this.#isArray === true && !this.#isEnded);
    if (isLast && isCut) return err(this.#problem("bad-json", "the file ends inside this."));
    return ok(records);
  }

  /** Takes one character between objects. */
  #between(): FileProblem | null {
    const character = this.#text[this.#at] ?? "";
    if (character === "{" && !this.#isEnded) {
      this.#isArray ??= false;
      this.#start = this.#at;
      return null;
    }
    const isGap = /[\s,]/.test(character);
    const opens = character === "[" && this.#isArray === null;
    const closes = character === "]" && this.#isArray === true && !this.#isEnded;
    if (opens) this.#isArray = true;
    if (closes) this.#isEnded = true;
    if (!isGap && !opens && !closes) {
      this.#count(this.#at);
      const found = JSON.stringify(character);
      return this.#problem("bad-json", `expected an object for each row, found ${found}.`);
    }
    this.#at += 1;
    return null;
  }

  /** Scans on. @returns whether the object's end was reached; `#at` is then behind it. */
  #scanObject(): boolean {
    const text = this.#text;
    let at = this.#at;
    let isInString = this.#isInString;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (isInString) {
        if (code === BACKSLASH) at += 1;
        else if (code === QUOTE) isInString = false;
      } else if (code === QUOTE) isInString = true;
      else if (isOpening(code)) this.#depth += 1;
      else if (isClosing(code)) this.#depth -= 1;
      else continue;
      if (this.#depth === 0) break;
    }
    const isComplete = this.#depth === 0;
    this.#at = isComplete ? at + 1 : at;
    this.#isInString = isInString;
    return isComplete;
  }

  #take(): JsonRecord | BadRow {
    this.#count(this.#start);
    const { line, column } = { line: this.#line, column: this.#column };
    const text = this.#text.slice(this.#start, this.#at);
    const fields = parseJsonFields(text);
    this.#start = -1;
    if (fields.ok) return { fields: fields.value, line };
    return { line, column, message: fields.error, cells: [], text };
  }

  /** Moves the known place forward to an offset in the text. */
  #count(to: number): void {
    let from = this.#countedTo;
    while (this.#lineEnd < to) {
      // Looked for once per line and kept: a file may be one line of many megabytes.
      if (this.#lineEnd >= from) {
        this.#line += 1;
        this.#column = 1;
        from = this.#lineEnd + 1;
      }
      const end = this.#text.indexOf("\n", from);
      this.#lineEnd = end < 0 ? Infinity : end;
    }
    this.#column += to - from;
    this.#countedTo = to;
  }

  #problem(code: FileProblem["code"], message: string): FileProblem {
    return { code, line: this.#line, column: this.#column, message };
  }
}

function isOpening(code: number): boolean {
  return code === 0x7b || code === 0x5b;
}

function isClosing(code: number): boolean {
  return code === 0x7d || code === 0x5d;
}
