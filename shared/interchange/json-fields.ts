import { err, ok, type Result } from "../base/result.ts";
import type { JsonCell } from "../changes/values.ts";

/** One named value of an object. */
export type JsonField = readonly [name: string, cell: JsonCell];

/**
 * The fields of one JSON object. Booleans become 1 and 0, nested arrays and objects their JSON
 * text; `{"$int"}`, `{"$blob"}` and `{"$real"}` are taken as the exact values they stand for.
 *
 * @returns what is wrong, as a sentence, when the text is not a JSON object.
 */
export function parseJsonFields(text: string): Result<readonly JsonField[], string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(/\d{16}/.test(text) ? protectIntegers(text) : text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 120) : "unreadable";
    return err(`this object is not JSON: ${reason}`);
  }
  if (typeof parsed !== "object" || parsed === null) return err("this is not an object.");
  return ok(Object.entries(parsed).map(([name, value]) => [name, toCell(value)]));
}

function toCell(value: unknown): JsonCell {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return exactCell(value) ?? JSON.stringify(value).replace(/\{"\$int":"(-?\d+)"\}/g, "$1");
}

function exactCell(value: unknown): JsonCell | null {
  const entries = Object.entries(value ?? {});
  const [name, text] = entries[0] ?? [];
  if (entries.length !== 1 || typeof text !== "string") return null;
  if (name === "$int") return { $int: text };
  if (name === "$blob") return { $blob: text };
  return name === "$real" ? { $real: text } : null;
}

/** Wraps whole numbers that a double cannot hold; leaves strings and other numbers alone. */
function protectIntegers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/gs, (token) => {
    const isInteger = /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token));
    return isInteger ? `{"$int":"${token}"}` : token;
  });
}
