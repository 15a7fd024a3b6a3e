/**
 * Bytes of a file into text, strictly: a byte that does not belong is refused with its place
 * instead of becoming a silent question mark.
 *
 * What is not told is found out: by the byte order mark, by the zeros of UTF-16, and else the file
 * is UTF-8. Every file is valid Windows-1252, so that is taken only where the first byte beyond
 * ASCII is already no UTF-8: a damaged UTF-8 file is refused, not misread. Whoever asked is to be
 * told what was found (`encoding`).
 */
import { err, ok, type Result } from "../base/result.ts";
import { placeAfter, type FileProblem, type Place } from "./problem.ts";

// In every runtime we use, and typed differently in each.
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

/** How a file's characters are stored. `auto`: found out. */
export type FileEncoding = "auto" | "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

/** Names of all encodings, for command lines. */
export const FILE_ENCODINGS: readonly FileEncoding[] = [
  "auto",
  "utf-8",
  "utf-16le",
  "utf-16be",
  "windows-1252",
];

type Decode = (bytes: Uint8Array) => string;

/** Looked at for the zeros of UTF-16. */
const HEAD_BYTES = 512;

/** Decodes one file, chunk by chunk. */
export class FileDecoder {
  #encoding: FileEncoding;
  #decode: Decode | null = null;
  #rest: Uint8Array = new Uint8Array(0);
  #place: Place = { line: 1, column: 1 };
  #endsWithReturn = false;
  /** Nobody told the encoding, and nothing proved one yet. */
  #isOpen = false;

  constructor(encoding: FileEncoding) {
    this.#encoding = encoding;
  }

  /** What the file is read as; `auto` until its beginning was seen. */
  get encoding(): FileEncoding {
    return this.#encoding;
  }

  /** @param isLast Whether the file ends with these bytes. */
  push(bytes: Uint8Array, isLast: boolean): Result<string, FileProblem> {
    let all = join(this.#rest, bytes);
    this.#rest = all;
    if (this.#decode === null) {
      if (all.length < (this.#encoding === "auto" ? HEAD_BYTES : 3) && !isLast) return ok("");
      all = all.subarray(this.#start(all));
    }
    const whole = isLast ? all.length : wholeLength(all, this.#encoding);
    this.#rest = all.slice(whole);
    return this.#text(all.subarray(0, whole));
  }

  /** Fixes the encoding. @returns the length of the byte order mark. */
  #start(head: Uint8Array): number {
    const isUtf8 = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
    const isLittle = head[0] === 0xff && head[1] === 0xfe;
    const isBig = head[0] === 0xfe && head[1] === 0xff;
    if (this.#encoding === "auto") {
      const marked = isLittle ? "utf-16le" : isBig ? "utf-16be" : utf16ByZeros(head);
      this.#isOpen = marked === null && !isUtf8;
      this.#encoding = marked ?? "utf-8";
    }
    this.#decode = decoderFor(this.#encoding);
    if (this.#encoding === "utf-8") return isUtf8 ? 3 : 0;
    const hasMark = this.#encoding === "utf-16le" ? isLittle : isBig;
    return this.#encoding !== "windows-1252" && hasMark ? 2 : 0;
  }

  #text(bytes: Uint8Array): Result<string, FileProblem> {
    const text = this.#tryDecode(bytes);
    if (text !== null) {
      this.#advance(text);
      return ok(text);
    }
    const good = this.#goodLength(bytes);
    const before = this.#tryDecode(bytes.subarray(0, good)) ?? "";
    // What waited for its end counts too.
    const all = join(bytes, this.#rest);
    // A letter beyond ASCII and then a sign beyond ASCII is UTF-8 that was cut or damaged.
    const isTorn = ((all[good + 1] ?? 0) & 0xc0) === 0x80;
    if (this.#isOpen && !isTorn && isAscii(before)) {
      this.#encoding = "windows-1252";
      this.#decode = decodeWindows1252;
      this.#rest = new Uint8Array(0);
      return this.#text(all);
    }
    this.#advance(before);
    const byte = (bytes[good] ?? 0).toString(16).padStart(2, "0");
    const hint = this.#encoding === "utf-8" ? " Is it Windows-1252? Then say so." : "";
    const message = `the byte 0x${byte} is not ${this.#encoding}.${hint}`;
    return err({ code: "not-utf8", ...this.#place, message });
  }

  #tryDecode(bytes: Uint8Array): string | null {
    try {
      return this.#decode === null ? null : this.#decode(bytes);
    } catch {
      return null; // The one thing a fatal decoder throws for.
    }
  }

  /** Length of the longest prefix that decodes; only searched once it is known that not all does. */
  #goodLength(bytes: Uint8Array): number {
    let low = 0;
    let high = bytes.length;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const whole = wholeLength(bytes.subarray(0, middle), this.#encoding);
      if (this.#tryDecode(bytes.subarray(0, whole)) === null) high = middle - 1;
      else low = middle;
    }
    return wholeLength(bytes.subarray(0, low), this.#encoding);
  }

  #advance(text: string): void {
    // A CRLF cut in two by a chunk's end is one line end.
    const isSplit = this.#endsWithReturn && text.startsWith("\n");
    this.#place = placeAfter(isSplit ? text.slice(1) : text, this.#place);
    if (text !== "") this.#endsWithReturn = text.endsWith("\r");
    if (this.#isOpen && !isAscii(text)) this.#isOpen = false;
  }
}

function decoderFor(encoding: FileEncoding): Decode {
  if (encoding === "windows-1252") return decodeWindows1252;
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  return (bytes) => decoder.decode(bytes);
}

/** Latin text in UTF-16 has a zero in every other byte, and text in other encodings has hardly any. */
function utf16ByZeros(head: Uint8Array): "utf-16le" | "utf-16be" | null {
  const zeros = [0, 0];
  const length = Math.min(head.length, HEAD_BYTES) & ~1;
  for (let at = 0; at < length; at++) if (head[at] === 0) zeros[at & 1] = (zeros[at & 1] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  const many = length / 2 / 2;
  if (length < 4 || even + odd < many) return null;
  if (odd >= many && even <= odd / 8) return "utf-16le";
  return even >= many && odd <= even / 8 ? "utf-16be" : null;
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/** 0x80 to 0x9f, as the WHATWG Encoding Standard maps them; the rest is Latin-1. */
const WINDOWS_1252 =
  "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
  "\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178";

/** Our own, because Node 20's TextDecoder treats this encoding as Latin-1 and loses the euro sign. */
function decodeWindows1252(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const isMapped = byte >= 0x80 && byte <= 0x9f;
    text += isMapped ? (WINDOWS_1252[byte - 0x80] ?? "") : String.fromCharCode(byte);
  }
  return text;
}

/** How many bytes make whole characters; the rest waits for the next chunk. */
function wholeLength(bytes: Uint8Array, encoding: FileEncoding): number {
  if (encoding === "windows-1252") return bytes.length;
  if (encoding === "utf-16le" || encoding === "utf-16be") return wholeUtf16(bytes, encoding);
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte < 0xc0) continue; // A continuation: its first byte is further ahead.
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function wholeUtf16(bytes: Uint8Array, encoding: "utf-16le" | "utf-16be"): number {
  const even = bytes.length - (bytes.length % 2);
  const high = bytes[encoding === "utf-16le" ? even - 1 : even - 2] ?? 0;
  return even >= 2 && high >= 0xd8 && high <= 0xdb ? even - 2 : even;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
