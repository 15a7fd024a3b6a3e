/**
 * SQL of a user with its parameters, ready to step.
 *
 * SQL.js exports no 64-bit integer bind, so a parameter beyond 32 bits is written into the SQL
 * as a literal: it has no affinity there, exactly like a parameter, and every bit survives.
 */
import { cellFromValue, valueFromCell } from "../../shared/changes/json-cell.ts";
import type { JsonParams, SqlStatement, Value } from "../../shared/changes/values.ts";
import type { Connection, Statement } from "./connection.ts";
import { hasStatement, severalStatements } from "./guard.ts";
import { Refusal } from "./refusal.ts";
import type { Token } from "./tokens.ts";

const INT32_MIN = -2147483648n;
const INT32_MAX = 2147483647n;

/** A parameter token and the place SQLite gives it. */
type Parameter = { readonly token: Token; readonly place: number };

/**
 * Compiles and binds. The connection keeps the statement; the caller resets it.
 *
 * @throws Refusal when there are several statements, or parameters do not fit.
 * @throws SqliteError when SQLite does not understand it.
 */
export function bindUserStatement(
  connection: Connection,
  input: SqlStatement,
  tokens: readonly Token[],
): Statement {
  const parameters = placeParameters(tokens);
  const values = valuesByPlace(parameters, input.params ?? []);
  const hasWide = [...values.values()].some(isWide);
  const sql = hasWide ? withLiterals(input.sql, parameters, values) : input.sql;
  const statement = connection.cachedSingle(sql, (rest) => {
    if (hasStatement(rest)) throw new Refusal(severalStatements());
  });
  for (const [place, value] of values) if (!isWide(value)) statement.bind(place, value);
  return statement;
}

function placeParameters(tokens: readonly Token[]): Parameter[] {
  const parameters: Parameter[] = [];
  const named = new Map<string, number>();
  let last = 0;
  for (const token of tokens) {
    if (token.type !== "parameter") continue;
    let place = named.get(token.text) ?? last + 1;
    if (/^\?\d+$/.test(token.text)) place = Number(token.text.slice(1));
    else if (token.text !== "?") named.set(token.text, place);
    last = Math.max(last, place);
    parameters.push({ token, place });
  }
  return parameters;
}

function valuesByPlace(parameters: readonly Parameter[], params: JsonParams): Map<number, Value> {
  const values = new Map<number, Value>();
  if (Array.isArray(params)) {
    const needed = parameters.reduce((most, parameter) => Math.max(most, parameter.place), 0);
    if (params.length !== needed) {
      throw badRequest(`The SQL has ${needed} parameters; ${params.length} values came.`);
    }
    for (const { place } of parameters) values.set(place, checkedValue(params[place - 1]));
    return values;
  }
  for (const { token, place } of parameters) {
    const name = token.text.slice(1);
    if (token.text.startsWith("?") || !Object.hasOwn(params, name)) {
      throw badRequest(`No value came for the parameter ${token.text}.`);
    }
    values.set(place, checkedValue((params as { readonly [key: string]: unknown })[name]));
  }
  return values;
}

function checkedValue(cell: unknown): Value {
  const value = valueFromCell(cell);
  if (!value.ok) throw new Refusal(value.error);
  return value.value;
}

function isWide(value: Value): boolean {
  return typeof value === "bigint" && (value < INT32_MIN || value > INT32_MAX);
}

function withLiterals(
  sql: string,
  parameters: readonly Parameter[],
  values: ReadonlyMap<number, Value>,
): string {
  let text = "";
  let at = 0;
  for (const { token, place } of parameters) {
    const value = values.get(place) ?? null;
    text += sql.slice(at, token.start);
    text += isWide(value) ? `(${literal(value)})` : `?${place}`;
    at = token.end;
  }
  return text + sql.slice(at);
}

function literal(value: Value): string {
  const cell = cellFromValue(value);
  return typeof cell === "number" ? String(cell) : String(value);
}

function badRequest(message: string): Refusal {
  return new Refusal({ code: "bad-request", message });
}
