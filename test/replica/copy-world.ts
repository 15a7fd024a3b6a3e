/** A member of `past-world.ts` whose database can be damaged, checked and repaired. Its applier stands still by itself. */
import { CopyCheck } from "../../electron/agent/replica/copy-check.ts";
import { StorageState } from "../../electron/agent/replica/storage-state.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import type { ApiResult } from "../../shared/api/methods.ts";
import { silentLogger } from "../log/log-fixtures.ts";
import { damage } from "../store/damage.ts";
import { request } from "../store/store-fixture.ts";
import { PastWorld, type PastWorldSizes } from "./past-world.ts";

/** Use `CopyWorld.start`. */
export class CopyWorld {
  readonly past: PastWorld;
  readonly storage = new StorageState("/data");
  readonly check: CopyCheck;
  /** What the leader says at any index: its checksum, what this one has, or nothing. */
  leader: string | "as here" | null = "as here";
  isLeader = false;
  /** Where the applier says that the database stands, when it was refilled meanwhile. */
  refilledTo: PastWorld["position"] | null = null;
  /** What was asked of the parts around, in order. */
  readonly steps: string[] = [];
  /** Happens while the database stands still. */
  onPause: () => Promise<void> = () => Promise.resolve();
  readonly #sqlite: SqliteModule;

  private constructor(sqlite: SqliteModule, past: PastWorld) {
    this.#sqlite = sqlite;
    this.past = past;
    const position = (): PastWorld["position"] => this.refilledTo ?? past.position;
    this.check = new CopyCheck({
      ...{ store: past.store, logger: silentLogger, log: past.log, files: past.files },
      ...{ storage: this.storage, pastState: past.state, snapshotter: past.snapshotter },
      openStore: (onLost) => past.openScratch(onLost),
      applier: {
        get position() {
          return position();
        },
        resume: () => void this.steps.push("resume"),
        whilePaused: async (work) => {
          this.steps.push("pause");
          await this.onPause();
          return work();
        },
      },
      leadership: {
        whileHeld: (work) => {
          this.steps.push("hold");
          return work();
        },
      },
      reader: { waitUntilLoaded: () => Promise.resolve(null) },
      recovery: { exclusively: (work) => work(), run: () => Promise.resolve() },
      isLeader: () => this.isLeader,
      leaderChecksum: () =>
        Promise.resolve(this.leader === "as here" ? past.position.checksum : this.leader),
      onRepaired: () => {
        this.steps.push("repaired");
        this.storage.rebuilt();
      },
    });
  }

  static async start(sqlite: SqliteModule, sizes: PastWorldSizes): Promise<CopyWorld> {
    return new CopyWorld(sqlite, await PastWorld.start(sqlite, sizes));
  }

  async execute(...statements: string[]): Promise<void> {
    const refused = await this.past.commit(request(statements));
    if (refused !== null) throw new Error(refused);
  }

  damage(...statements: string[]): void {
    damage(this.#sqlite, this.past.engine, statements);
  }

  async rows(rowsMax?: number): Promise<ApiResult<"verifyRows">> {
    const found = await this.check.verifyRows(rowsMax === undefined ? {} : { rowsMax });
    if (!found.ok) throw new Error(`${found.error.code}: ${found.error.message}`);
    return found.value;
  }

  async repair(): Promise<ApiResult<"repairCopy">> {
    const found = await this.check.repairCopy();
    if (!found.ok) throw new Error(`${found.error.code}: ${found.error.message}`);
    return found.value;
  }
}
