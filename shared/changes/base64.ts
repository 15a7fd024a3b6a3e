import { defined } from "../base/assert.ts";
import { utf8Decode, utf8Encode } from "../base/bytes.ts";

const ALPHABET = utf8Encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const PADDING = "=".charCodeAt(0);
const PIECE_BYTES = 3 * 64 * 1024;

/** Standard base64 with padding (RFC 4648 section 4). */
export function base64Encode(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    text += encodePiece(bytes, start, Math.min(start + PIECE_BYTES, bytes.length));
  }
  return text;
}

/** The bytes, or null when the text is not padded standard base64. */
export function base64Decode(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let at = 0;
  for (let i = 0; i < text.length; i += 4) {
    let group = 0;
    for (let j = 0; j < 4; j++) {
      const isPadding = i + j >= text.length - padding;
      const digit = isPadding ? 0 : digitOf(text.charCodeAt(i + j));
      if (digit < 0) return null;
      group = (group << 6) | digit;
    }
    for (let shift = 16; shift >= 0 && at < bytes.length; shift -= 8) bytes[at++] = group >> shift;
  }
  return bytes;
}

/** Digits as bytes first: joining a text digit by digit takes ten times as long. */
function encodePiece(bytes: Uint8Array, start: number, end: number): string {
  const digits = new Uint8Array(Math.ceil((end - start) / 3) * 4);
  let at = 0;
  for (let i = start; i < end; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    digits[at++] = ALPHABET[group >> 18] as number;
    digits[at++] = ALPHABET[(group >> 12) & 63] as number;
    digits[at++] = i + 1 < end ? (ALPHABET[(group >> 6) & 63] as number) : PADDING;
    digits[at++] = i + 2 < end ? (ALPHABET[group & 63] as number) : PADDING;
  }
  return defined(utf8Decode(digits), "digits are ASCII");
}

function digitOf(code: number): number {
  if (code >= 65 && code <= 90) return code - 65;
  if (code >= 97 && code <= 122) return code - 71;
  if (code >= 48 && code <= 57) return code + 4;
  if (code === 43) return 62;
  return code === 47 ? 63 : -1;
}
