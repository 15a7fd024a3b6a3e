/**
 * The shape of every method's parameters, checked before the agent sees them.
 *
 * The map is tied to `ApiMethods`: a method without a schema, or a schema of another shape, does
 * not compile. It knows shapes and sizes only; whether a table exists is the agent's business.
 */
import * as v from "valibot";
import { FOREIGN_FILE_BYTES_MAX, FOREIGN_PIECE_BYTES } from "../../../shared/api/interchange.ts";
import type { ApiError, ApiMethod, ApiParams } from "../../../shared/api/methods.ts";
import { isImportId } from "../../../shared/changes/import-id.ts";
import { err, ok, type Result } from "../../../shared/base/result.ts";
import { EXPECTED_ROWS_MAX } from "../../../shared/changes/expected-row.ts";
import type { JsonCell, JsonParams } from "../../../shared/changes/values.ts";

const NAME_LENGTH_MAX = 200;
const TABLE_NAME_LENGTH_MAX = 16 * 1024; // names in SQL; at most 64 KiB in the log
const PATH_LENGTH_MAX = 4_000;
const SQL_LENGTH_MAX = 1024 * 1024;
const STATEMENT_COUNT_MAX = 10_000;
const PARAMETER_COUNT_MAX = 32_766; // SQLITE_MAX_VARIABLE_NUMBER
const COLUMN_COUNT_MAX = 2_000; // SQLITE_MAX_COLUMN
const TABLE_COUNT_MAX = 10_000;
const ROW_COUNT_MAX = 1_000_000;
const QUERY_ROWS_MAX = 100_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

const empty = v.strictObject({});
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(NAME_LENGTH_MAX));
const tableName = v.pipe(v.string(), v.maxLength(TABLE_NAME_LENGTH_MAX));
const sql = v.pipe(v.string(), v.minLength(1), v.maxLength(SQL_LENGTH_MAX));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const clientId = v.pipe(v.string(), v.regex(/^[!-~]{1,64}$/, "1 to 64 characters without spaces"));
const importId = v.pipe(v.string(), v.check(isImportId, "1 to 32 small letters and digits"));
const cells = v.custom<readonly JsonCell[]>(
  (input) => Array.isArray(input) && input.length <= PARAMETER_COUNT_MAX && input.every(isJsonCell),
  'an array of values: null, number, text, {"$int"}, {"$blob"} or {"$real"}',
);
const params = v.custom<JsonParams>(
  (input) => (Array.isArray(input) ? v.is(cells, input) : isNamedCells(input)),
  "an array or an object of values",
);
const namedCells = v.custom<Readonly<Record<string, JsonCell>>>(
  isNamedCells,
  "an object of values",
);
const statement = v.strictObject({ sql, params: v.exactOptional(params) });
const expectedRow = v.strictObject({ table: name, key: namedCells, row: v.nullable(namedCells) });
const rows = v.custom<readonly (readonly JsonCell[])[]>(
  (input) => Array.isArray(input) && input.length <= ROW_COUNT_MAX && input.every(isRow),
  "an array of at most 1,000,000 rows, each an array of values",
);

const pastMoment = v.union([
  v.strictObject({ index: count, term: v.exactOptional(count) }),
  v.strictObject({ at: v.pipe(v.string(), v.minLength(1), v.maxLength(100)) }),
]);

/** A file on this computer, named from its root: the agent's own folder is nobody's concern. */
const path = v.pipe(
  v.string(),
  v.maxLength(PATH_LENGTH_MAX),
  v.regex(
    /^(?:\/|[A-Za-z]:[\\/]|\\\\)[^\0]*[^\\/\0]$/,
    "a whole path, e.g. /home/ada/clinic.sqlite",
  ),
);

const restored = { table: v.exactOptional(tableName), key: v.exactOptional(namedCells) };
const written = { clientId: v.exactOptional(clientId), sequence: v.exactOptional(count) };
const keep = v.strictObject({ hourly: count, daily: count, weekly: count, monthly: count });

type Schemas = { readonly [M in ApiMethod]: v.GenericSchema<unknown, ApiParams<M>> };

const schemas: Schemas = {
  status: empty,
  createCluster: v.strictObject({
    name,
    memberName: v.exactOptional(name),
    from: v.exactOptional(path),
  }),
  joinCluster: v.strictObject({
    link: v.pipe(v.string(), v.minLength(1), v.maxLength(2_000)),
    memberName: v.exactOptional(name),
  }),
  execute: v.strictObject({
    statements: v.pipe(v.array(statement), v.minLength(1), v.maxLength(STATEMENT_COUNT_MAX)),
    expect: v.exactOptional(v.pipe(v.array(expectedRow), v.maxLength(EXPECTED_ROWS_MAX))),
    clientId: v.exactOptional(clientId),
    sequence: v.exactOptional(count),
    ack: v.exactOptional(v.picklist(["flushed", "committed", "applied"])),
  }),
  query: v.strictObject({
    sql,
    params: v.exactOptional(params),
    readLevel: v.exactOptional(v.picklist(["local", "bounded", "session", "linearizable"])),
    maxStalenessMs: v.exactOptional(count),
    afterIndex: v.exactOptional(count),
    rowsMax: v.exactOptional(v.pipe(count, v.minValue(1), v.maxValue(QUERY_ROWS_MAX))),
    asOf: v.exactOptional(pastMoment),
  }),
  tables: v.strictObject({ asOf: v.exactOptional(pastMoment) }),
  insertRows: v.strictObject({
    table: tableName,
    columns: v.pipe(v.array(tableName), v.minLength(1), v.maxLength(COLUMN_COUNT_MAX)),
    rows,
    skipsBadRows: v.exactOptional(v.boolean()),
    clientId: v.exactOptional(clientId),
    sequence: v.exactOptional(count),
  }),
  log: v.strictObject({
    fromIndex: v.exactOptional(count),
    count: v.exactOptional(v.pipe(count, v.minValue(1), v.maxValue(10_000))),
  }),
  transactions: v.strictObject({
    beforeIndex: v.exactOptional(count),
    count: v.exactOptional(v.pipe(count, v.minValue(1), v.maxValue(500))),
  }),
  transaction: v.strictObject({
    index: count,
    skip: v.exactOptional(count),
    rowsMax: v.exactOptional(v.pipe(count, v.minValue(1), v.maxValue(10_000))),
  }),
  rowHistory: v.strictObject({
    table: tableName,
    key: v.exactOptional(namedCells),
    beforeIndex: v.exactOptional(count),
    count: v.exactOptional(v.pipe(count, v.minValue(1), v.maxValue(1_000))),
  }),
  undoPreview: v.strictObject({ index: count }),
  undo: v.strictObject({
    index: count,
    clientId: v.exactOptional(clientId),
    sequence: v.exactOptional(count),
  }),
  undoImportPreview: v.strictObject({ importId }),
  undoImport: v.strictObject({ importId, beforeIndex: v.exactOptional(count), ...written }),
  restorePreview: v.union([
    v.strictObject({ toIndex: count, ...restored }),
    v.strictObject({ file: path, ...restored }),
  ]),
  restore: v.union([
    v.strictObject({ toIndex: count, ...restored, ...written }),
    v.strictObject({ file: path, ...restored, ...written }),
  ]),
  retention: empty,
  changeSetting: v.strictObject({
    key: name,
    value: v.union([v.pipe(v.number(), v.safeInteger()), v.pipe(v.string(), v.maxLength(100))]),
  }),
  verify: empty,
  verifyRows: v.strictObject({ rowsMax: v.exactOptional(v.pipe(count, v.maxValue(1_000))) }),
  repairCopy: empty,
  invite: v.strictObject({
    role: v.exactOptional(v.picklist(["voter", "mirror"])),
    expiresMs: v.exactOptional(v.pipe(count, v.minValue(1_000), v.maxValue(30 * DAY_MS))),
  }),
  switchover: v.strictObject({ to: v.exactOptional(name) }),
  removeMember: v.strictObject({ member: name }),
  openFile: v.strictObject({
    sizeBytes: v.pipe(count, v.minValue(1), v.maxValue(FOREIGN_FILE_BYTES_MAX)),
  }),
  sendFile: v.strictObject({
    file: clientId,
    at: count,
    bytes: v.strictObject({ $blob: v.pipe(v.string(), v.maxLength(FOREIGN_PIECE_BYTES * 2)) }),
  }),
  fileContents: v.strictObject({ file: clientId }),
  fileRows: v.strictObject({
    file: clientId,
    table: name,
    columns: v.pipe(v.array(name), v.minLength(1), v.maxLength(COLUMN_COUNT_MAX)),
    from: count,
  }),
  closeFile: v.strictObject({ file: clientId }),
  backup: v.strictObject({
    tables: v.exactOptional(v.pipe(v.array(name), v.maxLength(TABLE_COUNT_MAX))),
    isMarked: v.exactOptional(v.boolean()),
  }),
  makeBackup: v.strictObject({ file: v.exactOptional(path), here: v.exactOptional(v.boolean()) }),
  backups: empty,
  verifyBackup: v.strictObject({ file: path }),
  setBackupSchedule: v.strictObject({
    isOn: v.exactOptional(v.boolean()),
    folder: v.exactOptional(v.nullable(path)),
    everyHours: v.exactOptional(count),
    dailyAt: v.exactOptional(v.nullable(v.string())),
    keep: v.exactOptional(keep),
  }),
  history: empty,
  lagHistory: v.strictObject({ sinceMs: v.exactOptional(count) }),
};

/** Whether `text` names a method. Own names only: `toString` is none. */
export function isApiMethod(text: unknown): text is ApiMethod {
  return typeof text === "string" && Object.hasOwn(schemas, text);
}

/** The parameters as the method expects them, or `bad-request` with the first thing that is wrong. */
export function parseParams<M extends ApiMethod>(
  method: M,
  input: unknown,
): Result<ApiParams<M>, ApiError> {
  if (Array.isArray(input)) {
    return err({ code: "bad-request", message: `${method}: parameters are an object.` });
  }
  const schema: v.GenericSchema<unknown, ApiParams<M>> = schemas[method];
  const parsed = v.safeParse(schema, input, { abortEarly: true });
  if (!parsed.success) {
    const issue = parsed.issues[0];
    const place = v.getDotPath(issue) ?? "the parameters";
    return err({ code: "bad-request", message: `${method}: ${place}: ${issue.message}.` });
  }
  const problem = pairProblem(method, parsed.output);
  if (problem !== null) return err({ code: "bad-request", message: `${method}: ${problem}` });
  return ok(parsed.output);
}

/** Rules between two parameters, which a schema of single ones cannot say. */
function pairProblem(method: ApiMethod, parsed: Readonly<Record<string, unknown>>): string | null {
  if ("clientId" in parsed !== "sequence" in parsed) {
    return "clientId and sequence come together: both or none.";
  }
  if (method === "query" && parsed["readLevel"] === "bounded" && !("maxStalenessMs" in parsed)) {
    return "the read level bounded needs maxStalenessMs.";
  }
  if (method === "query" && "asOf" in parsed) {
    const other = ["readLevel", "maxStalenessMs", "afterIndex"].find((each) => each in parsed);
    if (other !== undefined) return `asOf reads the past, and ${other} is about the present.`;
  }
  if (method !== "insertRows") return null;
  const { columns, rows: all } = parsed as ApiParams<"insertRows">;
  if (new Set(columns).size !== columns.length) return "a column is named twice.";
  const ragged = all.findIndex((row) => row.length !== columns.length);
  if (ragged < 0) return null;
  return `row ${ragged} has ${all[ragged]?.length} values for ${columns.length} columns.`;
}

/** Hand-written because an import sends hundreds of thousands of cells in one call. */
function isRow(input: unknown): boolean {
  if (!Array.isArray(input)) return false;
  for (const cell of input) if (!isJsonCell(cell)) return false;
  return true;
}

function isNamedCells(input: unknown): boolean {
  if (typeof input !== "object" || input === null) return false;
  const values = Object.values(input);
  return values.length <= PARAMETER_COUNT_MAX && values.every(isJsonCell);
}

function isJsonCell(input: unknown): boolean {
  if (input === null || typeof input === "string") return true;
  if (typeof input === "number") return Number.isFinite(input);
  if (typeof input !== "object") return false;
  const entries = Object.entries(input);
  const entry = entries[0];
  if (entry === undefined || entries.length !== 1 || typeof entry[1] !== "string") return false;
  switch (entry[0]) {
    case "$int":
      return isInt64(entry[1]);
    case "$blob":
      return entry[1].length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(entry[1]);
    case "$real":
      return /^-?(inf|\d+(\.\d+)?([eE][-+]?\d+)?)$/.test(entry[1]);
    default:
      return false;
  }
}

function isInt64(text: string): boolean {
  if (!/^-?\d{1,19}$/.test(text)) return false;
  const value = BigInt(text);
  return value >= INT64_MIN && value <= INT64_MAX;
}
