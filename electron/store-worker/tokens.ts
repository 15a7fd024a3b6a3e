/**
 * SQL cut into tokens, as far as the guard needs it: words, names, texts, parameters and signs,
 * without comments. It follows SQLite's own rules for quotes and comments, because a difference
 * would let a forbidden name through. Knows no grammar.
 */

/** A piece of SQL. `text` is unquoted for names and texts, as written otherwise. */
export type Token = {
  readonly type: "word" | "name" | "text" | "number" | "parameter" | "sign";
  readonly text: string;
  readonly start: number;
  readonly end: number;
};

const SPACE = /[\t\n\f\r ]/;
const WORD_START = /[A-Za-z_\u0080-\uffff]/;
const WORD = /[A-Za-z0-9_$\u0080-\uffff]*/y;
const NUMBER = /(?:0[xX][0-9A-Fa-f_]+|(?:\d[\d_]*)?\.?\d[\d_]*(?:[eE][+-]?\d+)?)/y;
const PARAMETER = /\?\d*|[:@#][A-Za-z0-9_$\u0080-\uffff]+|\$[A-Za-z0-9_$:\u0080-\uffff]+/y;

/** Programs send the same few statements again and again, and each is looked at more than once. */
const REMEMBERED_COUNT_MAX = 128;
const REMEMBERED_LENGTH_MAX = 4_096;
const remembered = new Map<string, readonly Token[]>();
const rememberedNames = new WeakMap<readonly Token[], ReadonlySet<string>>();

/** All tokens; an unclosed quote or comment runs to the end, as in SQLite's own error. */
export function tokenize(sql: string): readonly Token[] {
  const known = remembered.get(sql);
  if (known !== undefined) return known;
  const tokens = cut(sql);
  if (sql.length > REMEMBERED_LENGTH_MAX) return tokens;
  if (remembered.size >= REMEMBERED_COUNT_MAX) remembered.clear();
  remembered.set(sql, tokens);
  return tokens;
}

function cut(sql: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const skipped = skipBlank(sql, at);
    if (skipped > at) {
      at = skipped;
      continue;
    }
    const token = nextToken(sql, at);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

/** Everything in SQL that may be a name, in lower case; a text may be one, too. */
export function namesIn(sql: string): ReadonlySet<string> {
  return namesOf(tokenize(sql));
}

/** The same of tokens. */
export function namesOf(tokens: readonly Token[]): ReadonlySet<string> {
  const known = rememberedNames.get(tokens);
  if (known !== undefined) return known;
  const names = new Set<string>();
  for (const { type, text } of tokens) {
    if (type === "word" || type === "name" || type === "text") names.add(text.toLowerCase());
  }
  rememberedNames.set(tokens, names);
  return names;
}

/** Whether a token is this keyword, in any case of letters. */
export function isWord(token: Token | undefined, word: string): boolean {
  return token?.type === "word" && token.text.toUpperCase() === word;
}

function skipBlank(sql: string, at: number): number {
  const sign = sql.charAt(at);
  if (SPACE.test(sign) || sign === "\ufeff") return at + 1;
  if (sql.startsWith("--", at)) {
    const end = sql.indexOf("\n", at);
    return end < 0 ? sql.length : end + 1;
  }
  if (sql.startsWith("/*", at)) {
    const end = sql.indexOf("*/", at + 2);
    return end < 0 ? sql.length : end + 2;
  }
  return at;
}

function nextToken(sql: string, start: number): Token {
  const sign = sql.charAt(start);
  if (sign === "'") return quoted("text", sql, start, "'");
  if (sign === '"' || sign === "`") return quoted("name", sql, start, sign);
  if (sign === "[") {
    const close = sql.indexOf("]", start);
    const end = close < 0 ? sql.length : close + 1;
    const text = sql.slice(start + 1, close < 0 ? end : close);
    return { type: "name", text, start, end };
  }
  if (WORD_START.test(sign)) return matched("word", WORD, sql, start);
  if (/[0-9]/.test(sign) || /^\.[0-9]/.test(sql.slice(start, start + 2))) {
    return matched("number", NUMBER, sql, start);
  }
  if ("?:@$#".includes(sign)) return matched("parameter", PARAMETER, sql, start);
  return { type: "sign", text: sign, start, end: start + 1 };
}

function quoted(type: "text" | "name", sql: string, start: number, quote: string): Token {
  let at = start + 1;
  while (at < sql.length) {
    if (sql.charAt(at) !== quote) at++;
    else if (sql.charAt(at + 1) === quote) at += 2;
    else break;
  }
  const text = sql.slice(start + 1, at).replaceAll(quote + quote, quote);
  return { type, text, start, end: Math.min(at + 1, sql.length) };
}

function matched(type: Token["type"], pattern: RegExp, sql: string, start: number): Token {
  // A sticky pattern carries its place from call to call, so each call says where it begins.
  pattern.lastIndex = start;
  const text = pattern.exec(sql)?.[0] ?? "";
  if (text === "") return { type: "sign", text: sql.charAt(start), start, end: start + 1 };
  return { type, text, start, end: start + text.length };
}
