/**
 * A member as far as the past needs one: the real log, snapshots, snapshotter and store on a disk in memory, fed with
 * transactions. It can be started again on its disk, and be filled anew from its own image as a member is that was
 * away too long. Knows nothing of consensus: what is captured is committed.
 */
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import type { Store } from "../../electron/agent/ports.ts";
import type { Applier } from "../../electron/agent/replica/applier.ts";
import { AsOfReader } from "../../electron/agent/replica/as-of-reader.ts";
import { PastState } from "../../electron/agent/replica/past-state.ts";
import { Past } from "../../electron/agent/replica/past.ts";
import { DEFAULT_SETTINGS } from "../../electron/agent/replica/replica-context.ts";
import { Snapshotter } from "../../electron/agent/replica/snapshotter.ts";
import { StorageState } from "../../electron/agent/replica/storage-state.ts";
import { createStoreEngine, type StoreEngine } from "../../electron/store-worker/engine.ts";
import type { CaptureRequest, StorePosition } from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { logIndex, memberId, term, type LogIndex } from "../../shared/base/ids.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import type { Configuration, LogEntry } from "../../shared/raft/types.ts";
import { hardStateOf, silentLogger, value } from "../log/log-fixtures.ts";
import { rows } from "../store/store-fixture.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** When snapshots are made, and how much log stays. */
export type PastWorldSizes = {
  readonly snapshotAfterBytes: number;
  readonly retentionBytes: number;
  readonly segmentBytesMax: number;
};

const SELF = memberId("n1");
const CONFIGURATION: Configuration = {
  seats: [{ id: SELF, kind: "voter", incarnation: 0, context: new Uint8Array(0) }],
};

/** Use `PastWorld.start`. */
export class PastWorld {
  readonly disk: FakeDisk;
  readonly clock = new VirtualClock();
  /** How often a former state was begun at a snapshot, and stores that are open. */
  readonly scratch = { opened: 0, open: 0 };
  engine: StoreEngine;
  log!: ReplicationLog;
  files!: SnapshotFiles;
  state!: PastState;
  past!: Past;
  reader!: AsOfReader;
  snapshotter!: Snapshotter;
  readonly #sqlite: SqliteModule;
  readonly #sizes: PastWorldSizes;
  #position!: StorePosition;
  #term = 1;
  #onLost: (() => void) | null = null;

  private constructor(sqlite: SqliteModule, sizes: PastWorldSizes) {
    this.#sqlite = sqlite;
    this.#sizes = sizes;
    this.disk = new FakeDisk();
    this.engine = createStoreEngine(sqlite);
  }

  static async start(sqlite: SqliteModule, sizes: PastWorldSizes): Promise<PastWorld> {
    const world = new PastWorld(sqlite, sizes);
    await world.#open();
    value(await world.log.saveHardState(hardStateOf(1)));
    return world;
  }

  get applied(): LogIndex {
    return this.#position.applied.index;
  }

  /** The store as the agent sees it. */
  get store(): Store {
    return storeOf(this.engine);
  }

  /** What the snapshotter asks its applier. */
  get position(): StorePosition {
    return this.#position;
  }

  /** Captures and commits one transaction. @returns the refusal's words, or null. */
  async commit(request: CaptureRequest): Promise<string | null> {
    const [outcome] = this.engine.handle("capture", { requests: [request] });
    if (outcome === undefined || !outcome.ok) return outcome?.error.message ?? "no answer";
    if (outcome.value.type === "captured") await this.append(outcome.value.payloads);
    return null;
  }

  /** These are committed, in one batch; null is an entry of the core. */
  async append(payloads: readonly (Uint8Array | null)[]): Promise<void> {
    const first = this.log.lastIndex + 1;
    const entries = payloads.map((payload, place): LogEntry => ({
      term: term(this.#term),
      index: logIndex(first + place),
      kind: payload === null ? "noop" : "data",
      payload: payload ?? new Uint8Array(0),
    }));
    value(await this.log.append(entries));
    this.#apply(entries);
    await this.snapshotter.maybeSnapshot();
  }

  /** Another leader begins. */
  async elect(): Promise<void> {
    this.#term += 1;
    value(await this.log.saveHardState(hardStateOf(this.#term)));
    await this.append([null]);
  }

  /** The process ends and starts again on its disk. */
  async restart(): Promise<void> {
    await this.#close();
    this.disk.crash("process-killed");
    await this.#open();
  }

  /** It was away too long: a leader's snapshot replaces log and database. */
  async reseed(): Promise<void> {
    const { image } = this.engine.handle("image", {});
    const { applied, checksum } = this.#position;
    const chainHash = this.log.chainHashAt(applied.index) ?? new Uint8Array(16);
    const mark = { position: applied, configuration: CONFIGURATION };
    value(await this.files.write({ mark, chainHash, checksum, image }));
    value(await this.log.resetTo(applied, chainHash));
  }

  /** What a question finds as of an entry. */
  async rowsAt(index: number, sql: string): Promise<readonly (readonly JsonCell[])[]> {
    const answer = await this.reader.query({ sql, rowsMax: 100_000 }, { index });
    if (!answer.ok) throw new Error(`${answer.error.code}: ${answer.error.message}`);
    if (answer.value.asOf.index !== index) throw new Error("another state answered");
    return answer.value.rows;
  }

  rowsNow(sql: string): readonly (readonly JsonCell[])[] {
    return rows(this.engine, sql);
  }

  /** The thread that holds the former state ends. */
  loseScratch(): void {
    this.#onLost?.();
  }

  async close(): Promise<void> {
    await this.#close();
    this.engine.dispose();
  }

  async #close(): Promise<void> {
    await this.state.close();
    await this.snapshotter.close();
    await this.log.close();
  }

  async #open(): Promise<void> {
    const { disk, clock } = this;
    const logger = silentLogger;
    const { segmentBytesMax } = this.#sizes;
    const folder = { disk, folder: "snapshots", logger };
    this.files = value(await SnapshotFiles.open(folder));
    const options = { disk, folder: "log", logger, segmentBytesMax, wallMs: () => clock.wallMs() };
    this.log = value(await ReplicationLog.open(options)).log;
    const snapshot = value(await this.files.read());
    const loaded = this.engine.handle("load", { image: snapshot?.image ?? null });
    if (!loaded.ok) throw new Error(loaded.error.detail);
    this.#position = loaded.value;
    this.#replay();
    this.#makeParts();
  }

  #makeParts(): void {
    const { log, files, clock } = this;
    const { retentionBytes, snapshotAfterBytes } = this.#sizes;
    const { store } = this;
    const appliedIndex = (): LogIndex => this.applied;
    this.snapshotter = new Snapshotter({
      ...{ store, log, files, logger: silentLogger },
      applier: this as unknown as Applier,
      storage: new StorageState("test"),
      settings: { ...DEFAULT_SETTINGS, snapshotAfterBytes },
      retention: () => ({ bytes: retentionBytes, ms: DEFAULT_SETTINGS.retentionMs }),
      configurationAt: () => CONFIGURATION,
      wallMs: () => clock.wallMs(),
      lowestNeeded: () => this.log.lastIndex,
    });
    const openStore = (onLost: () => void): Store => this.openScratch(onLost);
    this.state = new PastState({ ...{ log, files, clock, logger: silentLogger }, openStore });
    this.past = new Past({ log, store, clock: timeless(clock), appliedIndex });
    this.reader = new AsOfReader({
      ...{ log, past: this.past, state: this.state, appliedIndex },
      wallMs: () => clock.wallMs(),
      asOf: () => ({
        ...this.#position.applied,
        ...{ at: null, lagMs: 0, lagEntries: 0, leaderReachable: true },
      }),
    });
  }

  /** A store of its own, as `Ports` opens it. */
  openScratch(onLost: () => void): Store {
    const engine = createStoreEngine(this.#sqlite);
    this.scratch.opened += 1;
    this.scratch.open += 1;
    this.#onLost = onLost;
    return {
      ...storeOf(engine),
      close: () => {
        this.scratch.open -= 1;
        engine.dispose();
        return Promise.resolve();
      },
    };
  }

  #replay(): void {
    while (this.applied < this.log.lastIndex) {
      const entries = this.log.entriesFrom(logIndex(this.applied + 1), 1_000_000);
      this.#apply(entries);
      this.#term = Math.max(this.#term, entries.at(-1)?.term ?? 0);
    }
  }

  #apply(entries: readonly LogEntry[]): void {
    const committed = entries.map(({ index, payload, kind, term: atTerm }) => {
      return { index, term: atTerm, payload: kind === "data" ? payload : null };
    });
    const outcome = this.engine.handle("apply", { entries: committed });
    if (outcome.type !== "applied") throw new Error(outcome.detail);
    this.#position = outcome.position;
  }
}

/** The port over an engine in this thread. */
function storeOf(engine: StoreEngine): Store {
  const call = (method: never, params: never) => Promise.resolve(engine.handle(method, params));
  return { call, close: () => Promise.resolve() } as unknown as Store;
}

/** Pauses end at once: nothing else has to have its turn here. */
function timeless(clock: VirtualClock): VirtualClock {
  const after: VirtualClock["after"] = (_delayMs, callback) => {
    queueMicrotask(callback);
    return { cancel: () => undefined };
  };
  return Object.assign(Object.create(clock) as VirtualClock, { after });
}
