/**
 * One computer of a world: its disk, its clocks, and the process of the real agent on it that
 * comes and goes. The only file that knows how a replica is made.
 */
import type { DiskError, Ports } from "../../electron/agent/ports.ts";
import { StoreRestarted } from "../../electron/agent/store/store-client.ts";
import { AddressBook } from "../../electron/agent/transport/address-book.ts";
import type { ClusterRecord } from "../../electron/agent/members/cluster-record.ts";
import { createReplica } from "../../electron/agent/replica/replica.ts";
import type { Replica } from "../../electron/agent/replica/replica.ts";
import type { ApiError, ApiParams, ApiResult } from "../../shared/api/methods.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { err } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import { randomBetween, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { failpointOf, failpointOfStore } from "./failpoints.ts";
import type { ArmedFailpoint, DiskStep, Failpoint } from "./failpoints.ts";
import { FIRST_VERSIONS, writeAsFirstVersion } from "./older-version.ts";
import { RecordFile, dropRecord, storedRecord } from "./record-file.ts";
import { SimClock } from "./sim-clock.ts";
import { SimDisk } from "./sim-disk.ts";
import { SimProcess } from "./sim-process.ts";
import type { EndKind } from "./sim-process.ts";
import { settingsOf } from "./sim-settings.ts";
import { SimStore } from "./sim-store.ts";
import type { Engine, SimStoreOptions } from "./sim-store.ts";
import { WallClock } from "./wall-clock.ts";
import type { WorldParts } from "./world-parts.ts";

/** Methods the simulator calls on a member. */
export type CalledMethod =
  "execute" | "insertRows" | "query" | "verify" | "switchover" | "removeMember";

/** Members are let in by their seat here; links and keys belong to the pairing tests. */
const NO_LINKS_HERE: ApiError = { code: "bad-request", message: "No links in a simulation." };

const READ_ONLY: DiskError = { code: "not-writable", detail: "the disk is mounted read-only" };

/** A disk at one moment: what a backup or a copy of the folder has. */
export type DiskImage = {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly record: ClusterRecord;
};

/** A computer that was added to a world. */
export class SimMember {
  readonly id: MemberId;
  readonly disk: FakeDisk;
  readonly wall: WallClock;
  /** How long one sync takes now. */
  syncMs: number;
  /** The process is ended at this step of its disk, counted down; null: not at all. */
  stepsToCrash: { left: number; readonly kind: EndKind } | null = null;
  /** The process is ended when it comes to this point; null: not at all. */
  failpoint: ArmedFailpoint | null = null;
  /** Speaks the first protocol version only, until it is upgraded. */
  isOld = false;
  /** Began with the first version. */
  wasUpgraded = false;
  /** Left the world for good: nobody starts it any more. */
  isSwitchedOff = false;
  /** Every change of the disk is refused. */
  isDiskReadOnly = false;
  readonly #parts: WorldParts<SimMember>;
  readonly #rng: Rng;
  readonly #rate: number;
  #record: ClusterRecord;
  #savedAddresses: string | null = null;
  #process: SimProcess | null = null;
  #clock: SimClock | null = null;
  #store: SimStore | null = null;
  #replica: Replica | null = null;
  #onEnd: (() => void)[] = [];
  #engineCount = 0;
  /** When its process was stopped last. */
  #stoppedAtMs = 0;
  #bootCount = 0;
  readonly #address: string;
  /** Runs on a copy of a member's folder: the checkers look at the original. */
  readonly #isCopy: boolean;

  constructor(
    parts: WorldParts<SimMember>,
    record: ClusterRecord,
    options: { id: MemberId; seed: number; copyAddress?: string },
  ) {
    this.#address = options.copyAddress ?? addressOf(options.id);
    this.#isCopy = options.copyAddress !== undefined;
    this.#parts = parts;
    this.#record = record;
    this.id = options.id;
    this.#rng = seededRng(options.seed);
    this.disk = new FakeDisk({ seed: options.seed });
    this.syncMs = parts.options.syncMs;
    this.#rate = 1 + randomBetween(this.#rng, -10, 10) / 1_000;
    this.wall = new WallClock(randomBetween(this.#rng, -5_000, 5_000));
  }

  /** The running process; null between an end and the next boot. */
  get process(): SimProcess | null {
    return this.#process;
  }

  /** The agent, once it has opened its files. */
  get replica(): Replica | null {
    return this.#replica;
  }

  /** How many times its process was started. */
  get bootCount(): number {
    return this.#bootCount;
  }

  /** Starts the process; it opens its files over the next events. */
  boot(): void {
    if (this.#process !== null || this.isSwitchedOff) return;
    this.#bootCount++;
    const { parts, process, ports } = this.#prepare();
    parts.trace.note("boot", this.id);
    const { options } = parts;
    this.#record = storedRecord(this.disk) ?? this.#record;
    const recordFile = new RecordFile(ports.disk, this.#record);
    process.run(() => {
      void createReplica({
        ports,
        self: this.id,
        record: this.#record,
        settings: settingsOf(parts.options),
        version: "0.0.0-sim",
        httpUrl: () => null,
        addressBook: this.#addressBook(process),
        makeInvite: () => Promise.resolve(err(NO_LINKS_HERE)),
        manualPeers: this.#manualPeers(),
        saveRecord: (changes) => recordFile.save(changes),
        folder: `sim:${this.id}`,
        onBroken: () => {
          this.end("killed");
          parts.crashed(this);
        },
        ...(this.isOld ? { versions: FIRST_VERSIONS } : {}),
        ...(options.bug === null ? {} : { faults: options.bug }),
      }).then((created) => {
        if (!process.isAlive) return;
        if (created.ok) this.#started(created.value, ports);
        else parts.bootFailed(this, `${created.error.code}: ${created.error.detail}`);
      });
    });
  }

  /** Ends the process at once: killed (what it wrote stays) or by a power loss (it does not). */
  end(kind: EndKind): void {
    const process = this.#process;
    if (process === null) return;
    this.#parts.trace.note("end", this.id, kind);
    if (this.#replica !== null && !this.#isCopy) {
      // Maybe in the middle of what it did since it was last looked at.
      this.#parts.raftChecker.stored(this.#replica.raftStatus());
    }
    process.kill(kind);
    this.disk.crash(kind === "power-loss" ? "power-lost" : "process-killed");
    this.#parts.network.processEnded(process);
    void this.#store?.close();
    this.#process = null;
    this.#replica = null;
    this.#store = null;
    this.stepsToCrash = null;
    const waiting = this.#onEnd;
    this.#onEnd = [];
    for (const end of waiting) this.#parts.scheduler.after(0.1, end);
  }

  /** The program is replaced by the newest version, as installers do it. */
  upgrade(): void {
    if (!this.isOld) return;
    this.end("killed");
    this.isOld = false;
    this.wasUpgraded = true;
    writeAsFirstVersion(this.disk);
    this.#record = { ...(storedRecord(this.disk) ?? this.#record), begun: null };
    dropRecord(this.disk);
    this.boot();
  }

  /** Whom its folder says that it may talk to, beside those its log names. */
  storedKnown(): readonly MemberId[] {
    const { initial, known } = storedRecord(this.disk) ?? this.#record;
    return [...initial.seats.map((seat) => seat.id), ...known];
  }

  /** What would be found on the disk if its power failed now. */
  takeImage(): DiskImage {
    return { files: this.disk.durableContents(), record: this.#record };
  }

  /** The disk becomes what it was; its process must not run. */
  restoreImage(image: DiskImage): void {
    for (const path of this.disk.contents().keys()) this.disk.dropFile(path);
    for (const [path, bytes] of image.files) this.disk.putFile(path, bytes);
    this.#record = image.record;
  }

  /** Freezes the process, or puts the whole computer to sleep. */
  stop(): void {
    if (this.#process?.isStopped === false) this.#stoppedAtMs = this.#parts.scheduler.nowMs;
    this.#process?.stop();
    this.#parts.network.refresh();
  }

  /** Goes on. @param sleptMs How long its monotonic clock stood still. */
  continue(sleptMs: number): void {
    // Two sleeps that overlap are one: a monotonic clock never goes back.
    const stoppedMs = this.#parts.scheduler.nowMs - this.#stoppedAtMs;
    if (this.#process?.isStopped === true) this.#clock?.slept(Math.min(sleptMs, stoppedMs));
    this.#process?.continue();
    this.#parts.woke();
    this.#parts.network.refresh();
  }

  /** Somebody sets this computer's wall clock. */
  jumpWall(byMs: number): void {
    this.wall.jump(this.#parts.scheduler.nowMs, byMs);
  }

  /** The store's worker dies; the agent fills a new one. */
  restartStore(): void {
    const replica = this.#replica;
    const process = this.#process;
    if (replica === null || process === null) return;
    this.#store?.restart(this.#engine());
    process.run(() => replica.onStoreLost(new StoreRestarted("the store's worker ended")));
  }

  /** Calls a method of the agent; null when the process ends before it answers. */
  call<M extends CalledMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError> | null> {
    return this.ask((replica) => replica.call(method, params));
  }

  /** Asks the agent anything; null when the process is not there or ends before it answers. */
  ask<T>(question: (replica: Replica) => Promise<T>): Promise<T | null> {
    const replica = this.#replica;
    const process = this.#process;
    if (replica === null || process === null) return Promise.resolve(null);
    return new Promise((resolve) => {
      const ended = (): void => resolve(null);
      this.#onEnd.push(ended);
      process.run(() => {
        void question(replica).then((answer) => {
          this.#onEnd = this.#onEnd.filter((each) => each !== ended);
          if (process.isAlive) resolve(answer);
        });
      });
    });
  }

  #started(replica: Replica, ports: Ports): void {
    this.#replica = replica;
    if (!this.#isCopy) this.#parts.promises.booted(replica.raftStatus());
    ports.discovery.start({
      clusterTag: this.#record.id,
      address: this.#address,
      onSighting: (sighting) => replica.suggestAddress(sighting.address),
    });
  }

  #addressBook(process: SimProcess): AddressBook {
    return new AddressBook(this.#savedAddresses, (json) => {
      if (process.isAlive) this.#savedAddresses = json;
    });
  }

  #manualPeers(): readonly string[] {
    const { options, addresses } = this.#parts;
    return options.knowsAddresses ? addresses().filter((each) => each !== this.#address) : [];
  }

  #prepare(): { parts: WorldParts<SimMember>; process: SimProcess; ports: Ports } {
    const parts = this.#parts;
    const process = new SimProcess(this.id, parts.scheduler, () => parts.touched(this));
    const traits = { rate: this.#rate, wall: this.wall };
    const clock = new SimClock(parts.scheduler, traits, (callback) => process.run(callback));
    const store = new SimStore({ ...this.#storeOptions(process), engine: this.#engine() });
    this.#process = process;
    this.#clock = clock;
    this.#store = store;
    return { parts, process, ports: this.#ports(process, clock, store) };
  }

  #storeOptions(process: SimProcess): Omit<SimStoreOptions, "engine"> {
    const parts = this.#parts;
    return {
      process,
      checker: parts.storeChecker,
      callMs: () => parts.options.storeCallMs,
      nowMs: () => parts.scheduler.nowMs,
      onBug: (error) => parts.bug(error),
    };
  }

  #ports(process: SimProcess, clock: SimClock, store: SimStore): Ports {
    const parts = this.#parts;
    const rng = seededRng(this.#rng.uint32());
    const log = (event: string, detail?: Record<string, unknown>): void => {
      if (!process.isAlive) return;
      parts.trace.note("log", this.id, event, JSON.stringify(detail ?? {}));
      if (event === "snapshot-installed") parts.snapshotInstalled();
    };
    const plant = parts.options.bug?.plant;
    const disk = new SimDisk({
      process,
      disk: this.disk,
      syncMs: () => this.syncMs,
      onStep: (step, carryOut) => this.#diskStep(step, carryOut),
      refusal: () => (this.isDiskReadOnly ? READ_ONLY : null),
    });
    return {
      clock: plant?.clock?.(clock) ?? clock,
      random: { rng, bytes: (count) => Uint8Array.from({ length: count }, () => rng.uint32()) },
      disk: plant?.disk?.(disk, (ms) => process.wait(ms)) ?? disk,
      folders: { open: () => disk, freeBytes: () => Promise.resolve(null) },
      network: parts.network.portOf(process, this.#address),
      discovery: parts.discovery.portOf(process),
      store,
      openScratchStore: () => {
        const engine = parts.makeEngine();
        return new SimStore({ ...this.#storeOptions(process), checker: null, engine });
      },
      logger: { info: log, warn: log },
    };
  }

  /** The engine of this start, telling its failpoints, and with the planted bug around it. */
  #engine(): Engine {
    const { makeEngine, options } = this.#parts;
    const engine = makeEngine();
    const watched: Engine = {
      handle: (method, params) => {
        const name = failpointOfStore(method);
        const result = engine.handle(method, params);
        // A worker's answer is lost when the process ends before it came.
        if (name !== null && this.#passes(name)) {
          this.#parts.scheduler.after(0, () => this.#reach(name));
        }
        return result;
      },
      dispose: () => engine.dispose(),
    };
    return options.bug?.plant.engine?.(watched, ++this.#engineCount) ?? watched;
  }

  /** It comes by a failpoint. @returns whether to end here. */
  #passes(name: Failpoint): boolean {
    this.#parts.coverage.passed(name);
    return this.failpoint?.name === name && !this.failpoint.isSpent;
  }

  /** It comes to a failpoint; if that is the armed one, it ends here. */
  #reach(name: Failpoint): void {
    const armed = this.failpoint;
    if (armed?.name !== name || armed.isSpent) return;
    armed.isSpent = true;
    this.#parts.coverage.crashedAt(armed);
    this.#crash(armed.kind);
  }

  #crash(kind: EndKind): void {
    this.end(kind);
    this.#parts.crashed(this);
  }

  #diskStep(step: DiskStep, carryOut: () => void): void {
    const name = failpointOf(step);
    if (name !== null && this.#passes(name)) {
      if (this.failpoint?.moment === "after") carryOut();
      this.#reach(name);
      return;
    }
    const crash = this.stepsToCrash;
    if (crash === null) {
      carryOut();
      return;
    }
    crash.left--;
    if (crash.left > 0 || crash.kind === "killed") carryOut();
    if (crash.left <= 0) this.#crash(crash.kind);
  }
}

/** Where a member listens. */
export function addressOf(id: MemberId): string {
  return `${id}.sim:7000`;
}
