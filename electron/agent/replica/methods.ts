/**
 * The API's methods as one member carries them out. What only the leader can do is asked of the
 * leader by the member itself, so a person may click anywhere; writes are the exception: they
 * answer `not-leader`, because where an edit is taken is something to see, not to guess.
 */
import type {
  ApiError,
  ApiMethods,
  ApiParams,
  ApiResult,
  HistoryEvent,
  LogLine,
} from "../../../shared/api/methods.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { base64Encode } from "../../../shared/changes/base64.ts";
import type { ForeignMethod } from "../../../shared/api/interchange.ts";
import type { LogEntry, RaftStatus } from "../../../shared/raft/types.ts";
import type { BackupKeeper } from "../backup/backup-keeper.ts";
import type { Administration } from "../members/administration.ts";
import {
  parseIndex,
  parseJoiner,
  parseNewInvite,
  parseRemoval,
  parseSetting,
  parseTarget,
} from "../members/forwarded-params.ts";
import type { ReplicationLog } from "../log/replication-log.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import { AsOfReader } from "./as-of-reader.ts";
import { askStore } from "./ask-store.ts";
import type { Applier } from "./applier.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import type { CopyCheck } from "./copy-check.ts";
import type { Forwarder } from "./forwarder.ts";
import type { LagHistory } from "./lag-history.ts";
import type { LagTracker } from "./lag-tracker.ts";
import type { Leadership } from "./leadership.ts";
import { PastMethods } from "./past-methods.ts";
import type { PastState } from "./past-state.ts";
import { Past } from "./past.ts";
import { readLog } from "./read-log.ts";
import type { Reader } from "./reader.ts";
import type { ReplicaContext, ReplicaOptions, ReplicaSettings } from "./replica-context.ts";
import { Restoring } from "./restoring.ts";
import { RetentionMethods } from "./retention-methods.ts";
import { rowsToTell } from "./status-builder.ts";
import type { StageRow } from "./status-builder.ts";
import type { StorageState } from "./storage-state.ts";
import { WriteMethods } from "./write-methods.ts";
import type { Status } from "../../../shared/cluster/status.ts";

/** Methods that need a cluster; the other two belong to the agent before there is one. */
export type ReplicaMethod = Exclude<
  keyof ApiMethods,
  "createCluster" | "joinCluster" | ForeignMethod
>;

type Handlers = {
  readonly [M in ReplicaMethod]: (params: ApiParams<M>) => Promise<Result<ApiResult<M>, ApiError>>;
};

type MethodsOptions = {
  readonly context: ReplicaContext;
  readonly log: ReplicationLog;
  readonly files: SnapshotFiles;
  readonly settings: ReplicaSettings;
  readonly clusterSettings: ClusterSettings;
  readonly pastState: PastState;
  readonly raftStatus: () => RaftStatus;
  readonly applier: Applier;
  readonly leadership: Leadership;
  readonly reader: Reader;
  readonly forwarder: Forwarder;
  readonly lag: LagTracker;
  readonly lagHistory: LagHistory;
  readonly storage: StorageState;
  readonly administration: Administration;
  readonly backups: BackupKeeper;
  readonly copyCheck: CopyCheck;
  readonly status: () => Status;
  /** How far everybody is, as this member knows it. */
  readonly rows: () => readonly StageRow[];
  readonly history: () => readonly HistoryEvent[];
  readonly makeInvite: ReplicaOptions["makeInvite"];
};

const LOG_LINES_DEFAULT = 100;
const LOG_LINES_MAX = 1_000;
const LOG_BYTES_MAX = 4 * 1024 * 1024;
/** A switchover drains the target first; invitations are ordinary writes. */
const ADMINISTRATION_WAIT_MS = 15_000;

/** One handler per method. */
export class Methods {
  readonly #options: MethodsOptions;
  readonly #past: PastMethods;
  readonly #asOf: AsOfReader;
  readonly #retention: RetentionMethods;
  readonly #writes: WriteMethods;
  readonly #handlers: Handlers;

  constructor(options: MethodsOptions) {
    this.#options = options;
    const { clusterSettings } = options;
    this.#writes = new WriteMethods({
      ...options,
      isForwarding: () => clusterSettings.forwardsWrites,
    });
    const { past, asOf } = this.#makePast();
    this.#past = past;
    this.#asOf = asOf;
    this.#retention = this.#makeRetention();
    this.#handlers = this.#makeHandlers();
  }

  /** Never rejects for a reason of the world. */
  call<M extends ReplicaMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    return this.#handlers[method](params);
  }

  /** A call that another member forwarded to this one. */
  async serveForwarded(
    from: MemberId,
    method: string,
    params: unknown,
  ): Promise<Result<unknown, ApiError>> {
    const { administration, applier } = this.#options;
    switch (method) {
      case "rows":
        return ok(rowsToTell(this.#options.rows(), this.#options.raftStatus()));
      case "checksum-at":
        return whenParsed(parseIndex(params), (index) => ok(applier.checksumAt(index)));
      case "record-invite":
        return whenParsed(parseNewInvite(params), (it) => administration.recordInviteAsLeader(it));
      case "switchover":
        return whenParsed(parseTarget(params), (target) => administration.switchover(target));
      case "removeMember":
        return whenParsed(parseRemoval(params), (removal) => administration.remove(removal));
      case "changeSetting":
        return whenParsed(parseSetting(params), (setting) => this.#retention.change(setting));
      case "execute":
      case "insertRows":
        return this.#writes.serve(from, method, params);
      case "redeem":
        return whenParsed(parseJoiner(params), (joiner) => administration.redeemAsLeader(joiner));
      default: {
        const served = await this.#options.backups.serve(method, params);
        const message = `No forwarded method "${method}".`;
        return served ?? err({ code: "bad-request", message });
      }
    }
  }

  #makeHandlers(): Handlers {
    const { reader, lagHistory, administration, status, backups, copyCheck } = this.#options;
    return {
      status: () => Promise.resolve(ok(status())),
      execute: (params) => this.#writes.execute(params),
      insertRows: (params) => this.#writes.insertRows(params),
      query: async (params) => {
        const { asOf } = params;
        if (asOf !== undefined) return this.#then((past) => past.query(params, asOf));
        return this.#unlessDiverged(() => reader.query(params));
      },
      tables: ({ asOf }) =>
        asOf === undefined
          ? this.#unlessDiverged(() => this.#tables())
          : this.#then((past) => past.tables(asOf)),
      log: (params) => this.#log(params),
      verify: () => copyCheck.verify(),
      verifyRows: (params) => copyCheck.verifyRows(params),
      repairCopy: () => copyCheck.repairCopy(),
      backup: (params) => this.#unlessDiverged(() => this.#backup(params)),
      makeBackup: (params) => backups.make(params),
      backups: async () => ok(await backups.report()),
      verifyBackup: ({ file }) => backups.verify(file),
      setBackupSchedule: (changes) => backups.setSchedule(changes),
      history: () => Promise.resolve(ok({ events: this.#options.history() })),
      lagHistory: (params) =>
        Promise.resolve(ok({ samples: lagHistory.since(params.sinceMs ?? 0) })),
      // The link names this computer; the invitation itself is recorded by the leader.
      invite: (params) =>
        this.#options.makeInvite(params, (invite) => administration.recordInvite(invite)),
      switchover: (params) =>
        this.#onLeader("switchover", params, () => administration.switchover(params)),
      removeMember: (params) =>
        this.#onLeader("removeMember", params, () => administration.remove(params)),
      transactions: (params) => this.#unlessDiverged(() => this.#past.transactions(params)),
      transaction: (params) => this.#unlessDiverged(() => this.#past.transaction(params)),
      rowHistory: (params) => this.#unlessDiverged(() => this.#past.rowHistory(params)),
      undoPreview: (params) => this.#past.undoPreview(params),
      undo: (params) => this.#past.undo(params),
      undoImportPreview: (params) => this.#past.imports.preview(params),
      undoImport: (params) => this.#past.imports.undo(params),
      restorePreview: (params) => this.#past.restorePreview(params),
      restore: (params) => this.#past.restore(params),
      retention: () => this.#retention.retention(),
      changeSetting: (params) =>
        this.#onLeader("changeSetting", params, () => this.#retention.change(params)),
    };
  }

  /** Asks the past, once the database stands where it was: only what is applied here counts. */
  async #then<T>(
    ask: (past: AsOfReader) => Promise<Result<T, ApiError>>,
  ): Promise<Result<T, ApiError>> {
    const refusal = await this.#readRefusal();
    return refusal === null ? this.#unlessDiverged(() => ask(this.#asOf)) : err(refusal);
  }

  /** Reads, unless this copy is known to be wrong: before, and by the time the answer is there. */
  async #unlessDiverged<T>(read: () => Promise<Result<T, ApiError>>): Promise<Result<T, ApiError>> {
    const { storage } = this.#options;
    const refusal = storage.readRefusal();
    if (refusal !== null) return err(refusal);
    const answer = await read();
    const since = storage.readRefusal();
    return since === null ? answer : err(since);
  }

  #makePast(): { readonly past: PastMethods; readonly asOf: AsOfReader } {
    const { context, log, applier, leadership, pastState, lag, backups } = this.#options;
    const { store, clock } = context.ports;
    const workspaceId = context.record.id;
    const appliedIndex = (): LogIndex => applier.position.applied.index;
    const past = new Past({ log, store, clock, appliedIndex });
    const asOf = new AsOfReader({
      past,
      state: pastState,
      log,
      appliedIndex,
      wallMs: () => clock.wallMs(),
      asOf: () => lag.asOf(),
    });
    const methods = new PastMethods({
      past,
      restoring: new Restoring({ past, state: pastState, log, store, backups, workspaceId }),
      log,
      store,
      readRefusal: () => this.#readRefusal(),
      writeRefusal: () => leadership.refusal(),
      write: (work, key) =>
        leadership.submit({ capture: this.#writes.capture(work, key), ack: "committed" }),
    });
    return { past: methods, asOf };
  }

  #makeRetention(): RetentionMethods {
    const { context, log, files, pastState, clusterSettings, settings, leadership } = this.#options;
    return new RetentionMethods({
      ...{ log, files, settings, state: pastState, reader: this.#asOf, cluster: clusterSettings },
      wallMs: () => context.ports.clock.wallMs(),
      write: (statement) => {
        const work = { type: "statements", statements: [statement] } as const;
        const capture = { ...this.#writes.capture(work, {}), isInternal: true };
        return leadership.submit({ capture, ack: "committed" });
      },
    });
  }

  async #tables(): Promise<Result<ApiResult<"tables">, ApiError>> {
    const refusal = await this.#readRefusal();
    if (refusal !== null) return err(refusal);
    const asked = await askStore(this.#options.context.ports.store, "tables", {});
    if (!asked.ok) return asked;
    const { tables, applied } = asked.value;
    return ok({ tables, asOf: { ...this.#options.lag.asOf(), ...applied } });
  }

  async #log(params: ApiParams<"log">): Promise<Result<ApiResult<"log">, ApiError>> {
    const { log, context } = this.#options;
    const count = Math.min(params.count ?? LOG_LINES_DEFAULT, LOG_LINES_MAX);
    const newestFrom = Math.max(log.firstIndex, log.lastIndex - count + 1);
    const from = Math.max(log.firstIndex, params.fromIndex ?? newestFrom);
    if (from > log.lastIndex) return ok({ lines: [], lastIndex: log.lastIndex });
    const read = readLog(() => ok(log.entriesFrom(logIndex(from), LOG_BYTES_MAX)));
    if (!read.ok) return read;
    const entries = read.value.slice(0, count);
    const payloads = entries.filter((each) => each.kind === "data").map((each) => each.payload);
    const described = await askStore(context.ports.store, "describe", { payloads });
    if (!described.ok) return described;
    const summaries = [...described.value];
    const lines = entries.map((entry): LogLine => {
      const told = entry.kind === "data" ? summaries.shift() : undefined;
      return {
        term: entry.term,
        index: entry.index,
        kind: entry.kind === "data" ? "transaction" : entry.kind,
        at: told?.at ?? null,
        author: told?.author ?? null,
        bytes: entry.payload.length,
        summary: told?.summary ?? summaryOf(entry),
      };
    });
    return ok({ lines, lastIndex: log.lastIndex });
  }

  async #readRefusal(): Promise<ApiError | null> {
    const { storage, reader } = this.#options;
    // While it was loaded anew it may have been found to differ again.
    return storage.readRefusal() ?? (await reader.waitUntilLoaded()) ?? storage.readRefusal();
  }

  async #backup(params: ApiParams<"backup">): Promise<Result<ApiResult<"backup">, ApiError>> {
    const { tables = null, isMarked = false } = params;
    const refusal = await this.#readRefusal();
    if (refusal !== null) return err(refusal);
    const { context, lag } = this.#options;
    const { at, lagEntries } = lag.asOf();
    const marks: [string, string][] | null = isMarked
      ? [
          ["at", at ?? "unknown"],
          ["changes behind", String(lagEntries)],
        ]
      : null;
    const asked = await askStore(context.ports.store, "plainImage", { tables, marks });
    if (!asked.ok) return asked;
    const { image, position } = asked.value;
    const asOf = { ...lag.asOf(), ...position.applied };
    return ok({ image: { $blob: base64Encode(image) }, asOf });
  }

  async #onLeader<M extends "switchover" | "removeMember" | "changeSetting">(
    method: M,
    params: ApiParams<M>,
    here: () => Promise<Result<ApiResult<M>, ApiError>>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    const leader = await this.#options.leadership.waitForLeader();
    if (leader === null) return err(this.#options.leadership.refusal() ?? noLeader());
    if (leader === this.#options.context.self) return here();
    const call = { method, params, withinMs: ADMINISTRATION_WAIT_MS };
    const answer = await this.#options.forwarder.ask(leader, call);
    return answer.ok ? ok(answer.value as ApiResult<M>) : answer;
  }
}

/** Another member's parameters: another program's, perhaps a broken one's. */
async function whenParsed<P, T>(
  parsed: P | null,
  serve: (parsed: P) => Result<T, ApiError> | Promise<Result<T, ApiError>>,
): Promise<Result<T, ApiError>> {
  if (parsed !== null) return serve(parsed);
  return err({ code: "bad-request", message: "The parameters are not what this version knows." });
}

function noLeader(): ApiError {
  return { code: "no-quorum", message: "No leader is elected right now; try again soon." };
}

function summaryOf(entry: LogEntry): string {
  return entry.kind === "noop" ? "a leader began its term" : "the list of computers changed";
}
