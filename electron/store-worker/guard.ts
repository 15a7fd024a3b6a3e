/**
 * Which SQL the store takes. SQL.js has no authorizer, so statements are judged by their tokens
 * before anything runs: an allow-list of first words, and names nobody may use.
 *
 * A refusal is `sql-refused` and changes nothing. What passes may still be wrong SQL: SQLite
 * says so then.
 */
import { err, ok, type Result } from "../../shared/base/result.ts";
import { RESERVED_PREFIX } from "../../shared/changes/identifiers.ts";
import type { StoreError } from "./messages.ts";
import { isWord, tokenize, type Token } from "./tokens.ts";

/** What kind of statement passed. */
export type StatementKind =
  | { readonly type: "read" }
  | { readonly type: "write" }
  | {
      readonly type: "schema";
      readonly isTableFromSelect: boolean;
      readonly isTableDropped: boolean;
    };

/** A statement that may run. */
export type CheckedSql = { readonly kind: StatementKind; readonly tokens: readonly Token[] };

const READABLE_PRAGMAS = new Set([
  "TABLE_INFO",
  "TABLE_XINFO",
  "TABLE_LIST",
  "INDEX_LIST",
  "INDEX_INFO",
  "INDEX_XINFO",
  "FOREIGN_KEY_LIST",
  "FOREIGN_KEY_CHECK",
  "COLLATION_LIST",
  "FUNCTION_LIST",
  "COMPILE_OPTIONS",
  "INTEGRITY_CHECK",
  "QUICK_CHECK",
]);
const VALUELESS_PRAGMAS = new Set([
  "USER_VERSION",
  "SCHEMA_VERSION",
  "ENCODING",
  "PAGE_COUNT",
  "PAGE_SIZE",
  "FREELIST_COUNT",
]);
const REFUSED_STARTS: ReadonlyMap<string, string> = new Map([
  ["ATTACH", "other database files cannot be attached"],
  ["DETACH", "other database files cannot be attached"],
  ["VACUUM", "VACUUM would change the file on one computer only"],
  ["BEGIN", "send the statements together: they are one transaction"],
  ["COMMIT", "send the statements together: they are one transaction"],
  ["END", "send the statements together: they are one transaction"],
  ["SAVEPOINT", "send the statements together: they are one transaction"],
  ["RELEASE", "send the statements together: they are one transaction"],
  ["ROLLBACK", "send the statements together: they are one transaction"],
  ["ANALYZE", "statistics are not replicated"],
  ["REINDEX", "indexes are kept by each computer itself"],
]);

/** Judges a statement of a transaction. @param isInternal Tidemark's own bookkeeping. */
export function checkStatement(sql: string, isInternal: boolean): Result<CheckedSql, StoreError> {
  const tokens = tokenize(sql);
  const reason = isInternal ? null : forbiddenName(tokens);
  if (reason !== null) return refuse(reason);
  const first = firstWord(tokens);
  if (first === "PRAGMA")
    return refuse("a transaction takes no PRAGMA; settings are the product's");
  const kind = kindOf(first, tokens);
  return typeof kind === "string" ? refuse(kind) : ok({ kind, tokens });
}

/** Judges a query: nothing that could write passes. */
export function checkQuery(sql: string, isInternal = false): Result<CheckedSql, StoreError> {
  const tokens = tokenize(sql);
  const reason = isInternal ? null : forbiddenName(tokens);
  if (reason !== null) return refuse(reason);
  const first = firstWord(tokens);
  if (first === "EXPLAIN") return ok({ kind: { type: "read" }, tokens });
  if (first === "PRAGMA") {
    const problem = pragmaProblem(tokens);
    return problem === null ? ok({ kind: { type: "read" }, tokens }) : refuse(problem);
  }
  const kind = kindOf(first, tokens);
  if (typeof kind === "string") return refuse(kind);
  if (kind.type !== "read") return refuse("a query only reads; send changes as a transaction");
  return ok({ kind, tokens });
}

/** Whether text after a statement is more than blanks, comments and semicolons. */
export function hasStatement(rest: string): boolean {
  return tokenize(rest).some((token) => token.text !== ";");
}

/** The refusal of a second statement where one is expected. */
export function severalStatements(): StoreError {
  return refuse("one statement is expected here, and several came").error;
}

function refuse(reason: string): { readonly ok: false; readonly error: StoreError } {
  const sentence = `${reason.charAt(0).toUpperCase()}${reason.slice(1)}. Nothing was done.`;
  return err({ code: "sql-refused", message: sentence });
}

function firstWord(tokens: readonly Token[]): string {
  const first = tokens.find((token) => token.text !== ";");
  return first?.type === "word" ? first.text.toUpperCase() : "";
}

function forbiddenName(tokens: readonly Token[]): string | null {
  for (const [i, token] of tokens.entries()) {
    // SQLite also takes a text where it expects a name, so texts are judged too.
    const isName = token.type === "word" || token.type === "name" || token.type === "text";
    if (!isName) continue;
    const name = token.text.toLowerCase();
    if (name.startsWith(RESERVED_PREFIX)) {
      return `names that start with ${RESERVED_PREFIX} are Tidemark's own`;
    }
    if (name === "temp" && tokens[i + 1]?.text === ".") return "temporary tables are not shared";
    if (token.type === "word" && name === "rollback") {
      return "ROLLBACK would end the transaction from inside; use ABORT or FAIL";
    }
    if (token.type === "word" && name === "load_extension") return "extensions cannot be loaded";
  }
  return null;
}

function kindOf(first: string, tokens: readonly Token[]): StatementKind | string {
  switch (first) {
    case "SELECT":
    case "VALUES":
      return { type: "read" };
    case "INSERT":
    case "REPLACE":
    case "UPDATE":
    case "DELETE":
      return { type: "write" };
    case "WITH":
      return mainWordOfWith(tokens);
    case "CREATE":
    case "ALTER":
    case "DROP":
      return schemaKind(first, tokens);
    case "":
      return "a statement is expected, and there is none";
    default:
      return REFUSED_STARTS.get(first) ?? `a statement cannot start with ${first} here`;
  }
}

function mainWordOfWith(tokens: readonly Token[]): StatementKind | string {
  let depth = 0;
  for (const token of tokens) {
    if (token.text === "(" && token.type === "sign") depth++;
    if (token.text === ")" && token.type === "sign") depth--;
    if (depth > 0 || token.type !== "word") continue;
    const word = token.text.toUpperCase();
    if (word === "SELECT" || word === "VALUES") return { type: "read" };
    if (["INSERT", "REPLACE", "UPDATE", "DELETE"].includes(word)) return { type: "write" };
  }
  return "a WITH needs its SELECT, INSERT, UPDATE or DELETE";
}

function schemaKind(first: string, tokens: readonly Token[]): StatementKind | string {
  const words = tokens.filter((token) => token.text !== ";");
  let what = words[1];
  if (isWord(what, "TEMP") || isWord(what, "TEMPORARY")) return "temporary tables are not shared";
  if (isWord(what, "VIRTUAL")) return "virtual tables cannot be shared";
  if (first === "CREATE" && isWord(what, "UNIQUE")) what = words[2];
  const kinds = first === "ALTER" ? ["TABLE"] : ["TABLE", "INDEX", "VIEW", "TRIGGER"];
  if (!kinds.some((kind) => isWord(what, kind))) return `${first} takes ${kinds.join(", ")} here`;
  const isTable = isWord(what, "TABLE");
  return {
    type: "schema",
    isTableFromSelect: first === "CREATE" && isTable && hasOuterAs(words),
    isTableDropped: first === "DROP" && isTable,
  };
}

function hasOuterAs(words: readonly Token[]): boolean {
  const open = words.findIndex((token) => token.type === "sign" && token.text === "(");
  const as = words.findIndex((token) => isWord(token, "AS"));
  return as >= 0 && (open < 0 || as < open);
}

function pragmaProblem(tokens: readonly Token[]): string | null {
  const words = tokens.filter((token) => token.text !== ";");
  let at = 1;
  if (words[at + 1]?.text === ".") at += 2;
  const name = words[at]?.text.toUpperCase() ?? "";
  const next = words[at + 1];
  if (VALUELESS_PRAGMAS.has(name) && next === undefined) return null;
  if (READABLE_PRAGMAS.has(name) && next?.text !== "=") return null;
  return `PRAGMA ${name.toLowerCase()} is not one that only reads`;
}
