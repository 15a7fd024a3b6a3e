/**
 * A member as far as backups need one: the real store, keeper, maker and scratch stores, folders in memory, a clock that
 * a test moves. Between any two steps of a backup something is written, so that one that mixed two states would show.
 */
import { BackupCatalog } from "../../electron/agent/backup/backup-catalog.ts";
import { BackupExchange } from "../../electron/agent/backup/backup-exchange.ts";
import { BackupKeeper } from "../../electron/agent/backup/backup-keeper.ts";
import { BackupMaker } from "../../electron/agent/backup/backup-maker.ts";
import { WorkNow } from "../../electron/agent/backup/backup-work.ts";
import { BackupScratch } from "../../electron/agent/backup/backup-scratch.ts";
import type { Store } from "../../electron/agent/ports.ts";
import { Forwarder, type ForwardServer } from "../../electron/agent/replica/forwarder.ts";
import type { StoreEngine } from "../../electron/store-worker/engine.ts";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { memberId, type MemberId } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { silentLogger } from "../log/log-fixtures.ts";
import { StoreGroup } from "../store/store-fixture.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const WORKSPACE = { id: "c0ffee", name: "Clinic" };

/** What a test changes about it. */
export type BackupWorldOptions = {
  readonly name?: string;
  readonly followers?: readonly BackupWorld[];
};

/** One member. */
export class BackupWorld {
  readonly clock = new VirtualClock({ wallMs: Date.UTC(2026, 10, 2, 9) });
  readonly group: StoreGroup;
  readonly id: MemberId;
  readonly name: string;
  readonly disks = new Map<string, FakeDisk>();
  readonly scratch = { opened: 0, open: 0 };
  /** The workspace's checksum by index, as it was when that was newest. */
  readonly checksums = new Map<number, string>();
  keeper: BackupKeeper;
  /** Done before each call to a scratch store. */
  between: () => void = () => undefined;
  /** Changes what a disk gives back. */
  spoil: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes;
  freeBytes: number | null = null;
  leaderChecksum: (index: number) => string | null = () => null;
  forwarder!: Forwarder;
  readonly #sqlite: SqliteModule;
  readonly #followers: readonly BackupWorld[];

  constructor(
    sqlite: SqliteModule,
    { name = "Front desk", followers = [] }: BackupWorldOptions = {},
  ) {
    this.#sqlite = sqlite;
    this.#followers = followers;
    this.name = name;
    this.id = memberId(name.replaceAll(" ", "-"));
    this.group = new StoreGroup(sqlite, 1);
    this.keeper = this.start();
  }

  get data(): FakeDisk {
    return this.diskOf("/data");
  }

  diskOf(folder: string): FakeDisk {
    const known = this.disks.get(folder) ?? new FakeDisk();
    this.disks.set(folder, known);
    return known;
  }

  /** A new process on the same disks. */
  start(): BackupKeeper {
    const { clock } = this;
    const logger = silentLogger;
    const store = storeOf(this.group.leader);
    const folders = {
      open: (folder: string) => this.diskOf(folder),
      freeBytes: () => Promise.resolve(this.freeBytes),
    };
    const work = new WorkNow();
    const scratch = new BackupScratch({ openStore: () => this.#openScratch(), logger, work });
    const memberName = (): string => this.name;
    const workspace = (): typeof WORKSPACE => WORKSPACE;
    const maker = new BackupMaker({
      ...{ store, clock, folders, scratch, workspace, memberName },
      readRefusal: () => Promise.resolve(null),
      leaderChecksum: (index) => Promise.resolve(this.leaderChecksum(index)),
    });
    const rng = seededRng(1);
    const exchange = new BackupExchange({
      work,
      ...{ clock, disk: this.data, forwarder: (this.forwarder = this.#forwarder()) },
      random: { rng, bytes: (count) => Uint8Array.from({ length: count }, () => rng.uint32()) },
      make: (place) => this.keeper.makeAt(place),
    });
    const catalog = new BackupCatalog(this.data, logger);
    this.keeper = new BackupKeeper({
      work,
      ...{ clock, logger, folders, maker, exchange, scratch, workspace, memberName, catalog },
      dataFolder: "/data",
      followers: () => this.#followers.map(({ id }) => id),
    });
    return this.keeper;
  }

  execute(...statements: string[]): void {
    this.group.execute(...statements);
    this.note();
  }

  note(): void {
    const { position } = this.group.leader.handle("verify", {});
    this.checksums.set(position.applied.index, position.checksum);
  }

  /** Time passes by seconds, with everything that waits carried out in between. */
  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i += 10) {
      this.clock.advanceTo(this.clock.nowMs() + 10_000);
      this.keeper.tick();
      await this.settled();
    }
  }

  async settled(): Promise<void> {
    for (let i = 0; i < 400; i++) await Promise.resolve();
  }

  /** Files in the folder of scheduled ones. */
  async files(folder = "/data/backups"): Promise<readonly string[]> {
    const listed = await this.diskOf(folder).list("");
    return listed.ok ? listed.value : [];
  }

  #openScratch(): Store {
    const engine = createStoreEngine(this.#sqlite);
    this.scratch.opened += 1;
    this.scratch.open += 1;
    const inner = storeOf(engine);
    return {
      call: (method, params) => {
        this.between();
        if (method !== "putBackup") return inner.call(method, params);
        const put = params as { readonly bytes: Uint8Array };
        return inner.call(method, { ...params, bytes: this.spoil(put.bytes) });
      },
      close: () => {
        this.scratch.open -= 1;
        engine.dispose();
        return Promise.resolve();
      },
    };
  }

  /** Messages arrive at once. */
  #forwarder(): Forwarder {
    const serve: ForwardServer = async (_from, method, params) => {
      const served = await this.keeper.serve(method, params);
      return served ?? { ok: false, error: { code: "bad-request", message: "unknown" } };
    };
    return new Forwarder({
      clock: this.clock,
      serve,
      send: (to, message) => {
        const other = [...this.#followers, this].find(({ id }) => id === to);
        if (other === undefined || message.type !== "forward-request") return false;
        void other.keeper;
        void this.#relay(other, message);
        return true;
      },
    });
  }

  async #relay(other: BackupWorld, request: Parameters<Forwarder["onRequest"]>[1]): Promise<void> {
    const back = new Forwarder({
      clock: other.clock,
      serve: async (_from, method, params) => {
        const served = await other.keeper.serve(method, params);
        return served ?? { ok: false, error: { code: "bad-request", message: "unknown" } };
      },
      send: (_to, message) => {
        if (message.type === "forward-reply") this.forwarder.onReply(other.id, message);
        return true;
      },
    });
    await back.onRequest(this.id, request);
  }
}

function storeOf(engine: StoreEngine): Store {
  const call = (method: never, params: never) => Promise.resolve(engine.handle(method, params));
  return { call, close: () => Promise.resolve() } as unknown as Store;
}
