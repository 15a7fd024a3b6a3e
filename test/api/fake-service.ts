/**
 * An agent for the tests of its servers: one real SQL.js database, no replication. What a test
 * wants to go wrong is set on it.
 */
import initSqlJs, {
  type BindParams,
  type Database,
  type QueryExecResult,
  type SqlValue,
} from "sql.js";
import type {
  ApiError,
  ApiEvent,
  ApiMethod,
  ApiParams,
  ApiResult,
  StatementResult,
} from "../../shared/api/methods.ts";
import { clusterId, logIndex, memberId, term } from "../../shared/base/ids.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import type { JsonCell, JsonParams } from "../../shared/changes/values.ts";
import { NOTHING_TO_LOSE } from "../../shared/cluster/safety.ts";
import type { AsOf, Status } from "../../shared/cluster/status.ts";
import type { AgentService } from "../../electron/agent/service.ts";
import { MockCopy } from "../support/mock-copy.ts";

/** Opens one with an empty database. */
export async function openFakeService(): Promise<FakeService> {
  const sqlJs = await initSqlJs();
  return new FakeService(new sqlJs.Database());
}

/** See the head of this file. */
export class FakeService implements AgentService {
  readonly #database: Database;
  readonly #listeners = new Set<(event: ApiEvent) => void>();
  readonly #answered = new Map<string, unknown>();
  readonly calls: { readonly method: ApiMethod; readonly params: unknown }[] = [];
  /** Asked before every call; an error is answered without doing anything. */
  before: (method: ApiMethod) => ApiError | null | Promise<ApiError | null> = () => null;
  /** Asked after every write was done: its answer gets lost. */
  loses: (method: ApiMethod) => boolean = () => false;
  overrides: Partial<Status> = {};
  readonly copy = new MockCopy();
  #index = 1;

  constructor(database: Database) {
    this.#database = database;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  emit(event: ApiEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  subscribe(listener: (event: ApiEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }

  async call<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    this.calls.push({ method, params });
    const refusal = await this.before(method);
    if (refusal !== null) return err(refusal);
    return this.#answer(method, params) as Result<ApiResult<M>, ApiError>;
  }

  #answer(method: ApiMethod, params: unknown): Result<unknown, ApiError> {
    switch (method) {
      case "status":
        return ok(this.status());
      case "execute":
        return this.#once(method, params as ApiParams<"execute">, (p) => this.#execute(p));
      case "insertRows":
        return this.#once(method, params as ApiParams<"insertRows">, (p) => this.#insert(p));
      case "query":
        return this.#query(params as ApiParams<"query">);
      case "tables":
        return ok({ tables: this.#tables(), asOf: this.asOf() });
      case "backup": {
        const image = Buffer.from(this.#database.export()).toString("base64");
        return ok({ image: { $blob: image }, asOf: this.asOf() });
      }
      case "makeBackup": {
        const { file = "/backups/new.sqlite" } = params as ApiParams<"makeBackup">;
        if (file.includes("missing")) {
          return err({ code: "storage-failed", message: "The backup cannot be written: ENOENT." });
        }
        const { term, index } = this.asOf();
        const at = "2026-11-23T14:02:31.000Z";
        return ok({
          ...{ file, position: { term, index }, at, bytes: 4096, sha256: "00", madeBy: "Mirror" },
          kind: "asked",
          check: { at, isVerified: true, comparedWith: "leader", problem: null },
          isThere: true,
        });
      }
      case "log":
        return ok(this.#log(params as ApiParams<"log">));
      case "verify":
        return ok(this.copy.verification(logIndex(this.#index)));
      case "verifyRows":
        return ok(this.copy.rows(logIndex(this.#index)));
      case "repairCopy":
        return ok(this.copy.repair(logIndex(this.#index)));
      case "invite":
        return ok({ link: "tidemark://join/abc", expiresAt: "2026-11-22T12:00:00.000Z" });
      case "switchover":
        return ok({ leader: memberId("m2"), tookMs: 12 });
      case "removeMember":
        return ok({ index: logIndex(9) });
      case "history":
        return ok({ events: [] });
      case "lagHistory":
        return ok({ samples: [] });
      default:
        throw new Error(`the fake agent does not know ${method}`);
    }
  }

  /** Writes with a key are carried out once, as in the product. */
  #once<P extends { readonly clientId?: string; readonly sequence?: number }>(
    method: ApiMethod,
    params: P,
    work: (params: P) => unknown,
  ): Result<unknown, ApiError> {
    const key = `${params.clientId} ${params.sequence}`;
    const earlier = params.clientId === undefined ? undefined : this.#answered.get(key);
    try {
      const result = earlier ?? work(params);
      this.#answered.set(key, result);
      if (!this.loses(method)) return ok(result);
      return err({ code: "unknown-outcome", message: "The answer was lost." });
    } catch (cause) {
      const statement = cause instanceof RowError ? { statement: cause.row } : {};
      return err({ code: "sql-error", message: `${(cause as Error).message}.`, ...statement });
    }
  }

  #execute(params: ApiParams<"execute">): ApiResult<"execute"> {
    const results = params.statements.map(({ sql, params: values }): StatementResult => {
      const answer = this.#exec(sql, values);
      const changes = this.#database.getRowsModified();
      if (answer === undefined) return { changes, lastInsertRowid: 0 };
      const rows = answer.values.map((row) => row.map(cellOf));
      return { changes, lastInsertRowid: 0, columns: answer.columns, rows };
    });
    this.#index += 1;
    return { term: term(3), index: logIndex(this.#index), results };
  }

  /** Whole numbers come as bigint: as doubles they would lose digits. */
  #exec(sql: string, params: JsonParams | undefined): QueryExecResult | undefined {
    const exec = this.#database.exec.bind(this.#database) as (
      sql: string,
      params: BindParams,
      config: { readonly useBigInt: true },
    ) => QueryExecResult[];
    return exec(sql, bindable(params), { useBigInt: true })[0];
  }

  #insert(params: ApiParams<"insertRows">): ApiResult<"insertRows"> {
    const columns = params.columns.map((name) => `"${name.replaceAll('"', '""')}"`).join(",");
    const marks = params.columns.map(() => "?").join(",");
    this.#database.run("BEGIN");
    const statement = this.#database.prepare(
      `INSERT INTO "${params.table.replaceAll('"', '""')}" (${columns}) VALUES (${marks})`,
    );
    try {
      for (const [row, cells] of params.rows.entries()) {
        try {
          statement.run(cells.map(valueOf));
        } catch (cause) {
          throw new RowError(row, (cause as Error).message);
        }
      }
    } catch (cause) {
      statement.free();
      this.#database.run("ROLLBACK");
      throw cause;
    }
    statement.free();
    this.#database.run("COMMIT");
    this.#index += 1;
    return { term: term(3), index: logIndex(this.#index), rowCount: params.rows.length };
  }

  #query({ sql, params, rowsMax = 1_000 }: ApiParams<"query">): Result<unknown, ApiError> {
    try {
      const answer = this.#exec(sql, params);
      const rows = (answer?.values ?? []).map((row) => row.map(cellOf));
      const columns = answer?.columns ?? [];
      const isTruncated = rows.length > rowsMax;
      return ok({ columns, rows: rows.slice(0, rowsMax), isTruncated, asOf: this.asOf() });
    } catch (cause) {
      return err({ code: "sql-error", message: `${(cause as Error).message}.` });
    }
  }

  #tables(): ApiResult<"tables">["tables"] {
    const list = this.#database.exec(
      "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table','view') ORDER BY name",
    )[0];
    return (list?.values ?? []).map(([name, type, sql]) => {
      const columns = this.#database.exec(
        `PRAGMA table_xinfo("${String(name).replaceAll('"', '""')}")`,
      )[0];
      return {
        name: String(name),
        kind: type === "view" ? ("view" as const) : ("table" as const),
        columns: (columns?.values ?? []).map((column) => ({
          name: String(column[1]),
          type: String(column[2]),
          isNullable: column[3] === 0,
          keyPlace: Number(column[5]),
          isGenerated: false,
          defaultSql: null,
        })),
        rowCount: null,
        hasRowid: type === "table" && !/WITHOUT ROWID/i.test(String(sql)),
      };
    });
  }

  #log({ fromIndex = 1, count = 20 }: ApiParams<"log">): ApiResult<"log"> {
    const length = Math.max(0, Math.min(count, this.#index - fromIndex + 1));
    const lines = Array.from({ length }, (_, place) => ({
      term: term(3),
      index: logIndex(fromIndex + place),
      kind: "transaction" as const,
      at: "2026-11-22T12:00:00.000Z",
      author: "ada",
      bytes: 100,
      summary: `insert 1 into people`,
    }));
    return { lines, lastIndex: logIndex(this.#index) };
  }

  asOf(): AsOf {
    const position = { term: term(3), index: logIndex(this.#index) };
    return { ...position, at: null, lagMs: 0, lagEntries: 0, leaderReachable: true };
  }

  status(): Status {
    const index = logIndex(this.#index);
    const seen = { received: index, flushed: index, applied: index, lagEntries: 0, lagMs: 0 };
    const member = { ...seen, seat: "voter" as const, connected: true, version: "0.1.0" };
    const more = { roundTripMs: 1, lastSeen: "2026-11-22T12:00:00.000Z", refusal: null };
    return {
      cluster: { id: clusterId("c1"), name: "clinic", timeline: 1 },
      member: { id: memberId("m1"), name: "desk", seat: "voter" },
      seat: { state: "ok", reason: null, detail: null, since: null },
      alarm: null,
      role: "leader",
      term: term(3),
      leader: { id: memberId("m1"), name: "desk", address: "127.0.0.1:7412" },
      canWrite: true,
      safety: NOTHING_TO_LOSE,
      log: {
        firstIndex: logIndex(1),
        lastIndex: index,
        commitIndex: index,
        appliedIndex: index,
        bytes: 4_096,
      },
      checksum: { index, value: "00000000000000aa" },
      lag: { entries: 0, bytes: 0, ms: 0, asOf: more.lastSeen, leaderReachable: true },
      members: [
        {
          ...member,
          ...more,
          id: memberId("m1"),
          name: "desk",
          isSelf: true,
          isLeader: true,
          address: "127.0.0.1:7412",
        },
        {
          ...member,
          ...more,
          id: memberId("m2"),
          name: "lab",
          isSelf: false,
          isLeader: false,
          address: "127.0.0.1:7413",
        },
      ],
      durability: "synchronous",
      storage: { state: "ok", detail: null, folder: "/data" },
      settings: { "heartbeat-ms": 100, "election-ms": 1_000 },
      version: "0.1.0",
      at: more.lastSeen,
      ...this.overrides,
    };
  }
}

class RowError extends Error {
  readonly row: number;
  constructor(row: number, message: string) {
    super(message);
    this.row = row;
  }
}

function bindable(params: JsonParams | undefined): BindParams {
  if (params === undefined) return [];
  return Array.isArray(params) ? params.map(valueOf) : {};
}

function valueOf(cell: JsonCell): SqlValue {
  if (cell === null || typeof cell !== "object") return cell;
  if ("$int" in cell) return BigInt(cell.$int) as unknown as SqlValue;
  return "$blob" in cell ? Buffer.from(cell.$blob, "base64") : Number(cell.$real);
}

function cellOf(value: SqlValue | bigint): JsonCell {
  if (typeof value === "bigint") {
    const isSafe = Number.isSafeInteger(Number(value));
    return isSafe ? Number(value) : { $int: String(value) };
  }
  return value instanceof Uint8Array ? { $blob: Buffer.from(value).toString("base64") } : value;
}
