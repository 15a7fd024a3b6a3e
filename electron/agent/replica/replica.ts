/**
 * One running member: the consensus core, the log, the store and the links to the others. The
 * parts are made in `parts.ts`; here is who hears of what. It does not know what a transaction
 * contains, and nothing of HTTP or windows.
 *
 * It runs on ports only, so the simulator runs this very class on virtual time, network and disk.
 */
import type { ApiError, ApiEvent, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import { unreachable } from "../../../shared/base/assert.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { decodeSeatContext } from "../../../shared/cluster/seat-context.ts";
import type { Status } from "../../../shared/cluster/status.ts";
import type { HelloMessage, RefusalCode } from "../../../shared/protocol/hello.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type { LogEntry, RaftStatus, ReadAnswer, SnapshotMark } from "../../../shared/raft/types.ts";
import type { StorePosition } from "../../store-worker/messages.ts";
import type { Administration } from "../members/administration.ts";
import type { DiskError } from "../ports.ts";
import type { AppliedListener } from "./applier.ts";
import { LeadershipLog } from "./leadership-log.ts";
import type { ReplicaMethod } from "./methods.ts";
import { openFiles } from "./open-files.ts";
import type { OpenFailure, OpenedFiles } from "./open-files.ts";
import { makeParts } from "./parts.ts";
import type { Parts, PartsListener } from "./parts-types.ts";
import type { ReplicaContext, ReplicaOptions } from "./replica-context.ts";
import { buildStatus } from "./status-builder.ts";
import type { StatusSources } from "./status-builder.ts";

/**
 * Starts a member on its data folder: opens the log (a torn tail is cut), loads the newest
 * snapshot, replays what is known to be committed, connects. Resolves before a leader is known.
 */
export async function createReplica(
  options: ReplicaOptions,
): Promise<Result<Replica, OpenFailure>> {
  const files = await openFiles(options);
  if (!files.ok) return files;
  const replica = new Replica(options, files.value);
  const failure = await replica.start();
  if (failure === null) return ok(replica);
  await replica.close();
  return err(failure);
}

/** A running member of a cluster. */
export class Replica implements PartsListener {
  readonly #context: ReplicaContext;
  readonly #options: ReplicaOptions;
  readonly #files: OpenedFiles;
  readonly #parts: Parts;
  readonly #leadershipLog = new LeadershipLog();
  #configurationSeen: Pick<
    RaftStatus,
    "configuration" | "isChangingConfiguration" | "incarnation"
  > | null = null;
  #isClosed = false;

  /** Use `createReplica`. */
  constructor(options: ReplicaOptions, files: OpenedFiles) {
    this.#options = options;
    this.#files = files;
    const { ports, self, record, version, settings } = options;
    this.#context = {
      ports,
      self,
      record,
      version,
      nameOf: (member) => this.#nameOf(member),
      shownSettings: () => ({
        "heartbeat-ms": settings.raft.heartbeatMs,
        "election-ms": settings.raft.electionMs,
        ...this.#parts.settings.shown,
      }),
    };
    this.#parts = makeParts({ options, files, context: this.#context, replica: this });
  }

  /** Listens, dials, and lets time run. @returns why it cannot listen, or null. */
  async start(): Promise<OpenFailure | null> {
    this.#parts.applier.resume(this.#files.storePosition, this.raftStatus().commitIndex);
    this.#noteConfiguration(this.raftStatus());
    void this.#parts.settings.refresh();
    this.#parts.seats.announce();
    const listening = await this.#parts.links.start();
    if (!listening.ok) return listening.error;
    this.#parts.pulse.start();
    this.#parts.driver.input((raft) => raft.advance(this.#options.ports.clock.nowMs()));
    return null;
  }

  /** One method of the API. Never rejects for a reason of the world. */
  call<M extends ReplicaMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    return this.#parts.methods.call(method, params);
  }

  /** @returns the function that ends the subscription. */
  subscribe(listener: (event: ApiEvent) => void): () => void {
    return this.#parts.hub.subscribe(listener);
  }

  /** The whole picture. */
  status(): Status {
    return buildStatus(this.statusSources());
  }

  /** The core's own words, for tests and checkers. */
  raftStatus(): RaftStatus {
    return this.#files.raft.status();
  }

  /** The stored log, for tests and checkers. */
  get log(): OpenedFiles["log"] {
    return this.#files.log;
  }

  /** Where the database stands, for tests and checkers. */
  get applied(): StorePosition {
    return this.#parts.applier.position;
  }

  /** Invitations and membership, for whoever receives newcomers. */
  get administration(): Administration {
    return this.#parts.administration;
  }

  /** An address at which a member may be; a hint from mDNS. */
  suggestAddress(address: string): void {
    this.#parts.links.suggestAddress(address);
  }

  /** The store was restarted (a query was stopped, or its worker died): fills it again. */
  async restoreStore(): Promise<void> {
    await this.#parts.recovery.run();
    await this.#parts.settings.refresh();
  }

  /** Hands leadership to another voter if it leads, as far as one is there to take it. */
  async handOver(): Promise<void> {
    if (this.raftStatus().role !== "leader") return;
    await this.#parts.administration.switchover({});
  }

  /** Stops everything, in the order in which things depend on each other. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { pulse, leadership, transfers, links, driver, applier, snapshotter, seats, hub } =
      this.#parts;
    const { pastState, backups, copyCheck } = this.#parts;
    pulse.stop();
    leadership.close();
    await copyCheck.close();
    await backups.close();
    await transfers.close();
    await links.close();
    await driver.stop();
    await applier.close();
    await snapshotter.close();
    await pastState.close();
    await seats.close();
    await this.#files.log.close();
    hub.close();
  }

  /** A message from another member. */
  onMessage(from: MemberId, message: MemberMessage): void {
    const { driver, lag, links, forwarder, transfers, seats } = this.#parts;
    switch (message.type) {
      case "raft":
        if (seats.mayHear(message.message)) driver.input((raft) => raft.step(message.message));
        return;
      case "barred":
        seats.onBarred(from, message);
        return;
      case "beat": {
        const answer = lag.onBeat(from, message);
        if (answer !== null) links.send(from, answer);
        return;
      }
      case "beat-ack":
        lag.onBeatAck(from, message);
        this.#noteAppliedEverywhere();
        return;
      case "forward-request":
        void forwarder.onRequest(from, message);
        return;
      case "forward-reply":
        forwarder.onReply(from, message);
        return;
      case "snapshot-begin":
      case "snapshot-chunk":
      case "snapshot-progress":
      case "snapshot-end":
      case "snapshot-offer":
      case "snapshot-request":
        transfers.onMessage(from, message);
        return;
      default:
        unreachable(message);
    }
  }

  /** A member can be talked to. */
  onUp(peer: MemberId, hello: HelloMessage): void {
    this.#parts.seats.onUp(peer, hello);
    this.statusChanged();
  }

  /** A member does not take this one. */
  onRefused(peer: MemberId, code: RefusalCode): void {
    this.#parts.seats.onRefused(peer, code);
  }

  /** Two computers use a member's key. */
  onDuplicate(peer: MemberId): void {
    this.#parts.seats.onDuplicate(peer);
  }

  /** Another computer uses this member's own key. */
  onOwnCopy(hello: HelloMessage, isYielding: boolean): void {
    this.#parts.seats.onOwnCopy(hello, isYielding);
  }

  /** A member cannot be reached any more. */
  onDown(peer: MemberId): void {
    const nowMs = this.#options.ports.clock.nowMs();
    this.#parts.driver.input((raft) => {
      // The short wait that follows counts from now, not from the last tick.
      raft.advance(nowMs);
      raft.connectionLost(peer);
    });
    this.#parts.forwarder.onDown(peer);
    this.#parts.transfers.onDown(peer);
    this.#noteAppliedEverywhere();
    this.statusChanged();
  }

  /** The core committed these. */
  onCommitted(entries: readonly LogEntry[]): void {
    this.#parts.applier.enqueue(entries);
    const last = entries.at(-1);
    if (last !== undefined) this.#files.log.noteCommitted(last.index);
  }

  /** The core answered a linearizable read. */
  onReadAnswer(answer: ReadAnswer): void {
    this.#parts.reader.onReadAnswer(answer);
  }

  /** The core wants a member to get a snapshot. */
  onSnapshotWanted(member: MemberId): void {
    this.#parts.transfers.send(member);
  }

  /** The core took a received snapshot; it replaces log and database. */
  async installSnapshot(mark: SnapshotMark): Promise<DiskError | null> {
    const failure = await this.#parts.transfers.install(mark);
    void this.#parts.settings.refresh();
    return failure;
  }

  /** The database holds more than before. */
  onApplied(outcome: Parameters<AppliedListener>[0], batch: Parameters<AppliedListener>[1]): void {
    const { hub, settings } = this.#parts;
    const { tables, rowCount, isSchemaChange } = outcome;
    if (outcome.isSettingsChange) void settings.refresh().then(() => this.statusChanged());
    if (tables.length > 0 || isSchemaChange) {
      hub.emit({ type: "committed", ...batch, tables, rowCount, isSchemaChange });
    }
    this.#noteAppliedEverywhere();
    hub.statusChanged();
  }

  /** The database differs from what the log says it must be. */
  onDiverged(detail: string): void {
    this.#parts.troubles.onDiverged(detail);
  }

  /** Another member holds other data at an index. */
  onMismatch(member: MemberId, index: LogIndex): void {
    this.#parts.troubles.onMismatch(member, index);
  }

  /** The store's worker ended. */
  onStoreLost(reason: unknown): void {
    if (this.#isClosed) return;
    this.#options.ports.logger.warn("store-lost", { reason: String(reason) });
    void this.restoreStore();
  }

  /** The disk refused. */
  onDiskError(error: DiskError): void {
    this.#parts.troubles.onDiskError(error);
  }

  /** The core did something: role, indexes or the configuration may be others. */
  onChange(): void {
    const status = this.raftStatus();
    this.#parts.pulse.wakeAt(this.#files.raft.wakeAtMs());
    this.#parts.lag.noteOwnCommit(status);
    this.#parts.leadership.note(status);
    this.#noteConfiguration(status);
    const { clock } = this.#options.ports;
    const event = this.#leadershipLog.note(status, clock, (member) => this.#nameOf(member));
    if (event === null) return;
    this.#options.ports.logger.info("leadership", { term: event.term, leader: event.leader });
    this.#parts.hub.emit(event);
    this.statusChanged();
  }

  /** Something the status shows changed. */
  statusChanged(): void {
    this.#parts.hub.statusChanged();
  }

  /** What the status is made of, now. */
  statusSources(): StatusSources {
    const { applier, lag, links, pulse, storage, leadership, seats } = this.#parts;
    const { log } = this.#files;
    return {
      context: this.#context,
      raft: this.raftStatus(),
      applier,
      lag,
      peers: links.peers(),
      rows: pulse.rows,
      log: { firstIndex: log.firstIndex, bytes: log.bytes },
      storage: storage.shown,
      seat: seats.shown,
      canWrite: leadership.refusal() === null,
    };
  }

  /** What connected members, and this one's own store, still need from the log. */
  lowestIndexNeeded(): LogIndex {
    let lowest = this.applied.applied.index;
    for (const each of this.raftStatus().progress) {
      if (!this.#parts.links.isUp(each.id)) continue;
      const { id, mode, matchIndex } = each;
      const needed = mode === "snapshot" ? this.#parts.transfers.pinOf(id) : matchIndex;
      if (needed !== null && needed < lowest) lowest = needed;
    }
    return lowest;
  }

  #noteConfiguration(status: RaftStatus): void {
    const { configuration, isChangingConfiguration, incarnation } = status;
    const seen = this.#configurationSeen;
    const isSame =
      seen?.configuration === configuration &&
      seen.isChangingConfiguration === isChangingConfiguration &&
      seen.incarnation === incarnation;
    if (isSame) return;
    this.#configurationSeen = { configuration, isChangingConfiguration, incarnation };
    const isCommitted = !isChangingConfiguration;
    this.#parts.admission.onConfiguration(configuration, { isCommitted, held: incarnation });
    this.#parts.lag.noteSeats(configuration.seats);
    this.#parts.seats.onConfiguration();
    this.#parts.links.membersChanged();
  }

  /** The lowest applied index of this member and of everybody connected may have grown. */
  #noteAppliedEverywhere(): void {
    const { role, configuration } = this.raftStatus();
    if (role !== "leader") return;
    let lowest = this.applied.applied.index;
    for (const { id } of configuration.seats) {
      if (!this.#parts.links.isUp(id)) continue;
      // Connected and not heard yet: it may have applied nothing.
      const applied = this.#parts.lag.stagesOf(id)?.applied ?? logIndex(0);
      if (applied < lowest) lowest = applied;
    }
    this.#parts.leadership.confirmations.appliedEverywhere(lowest);
  }

  #nameOf(member: MemberId): string {
    const { seats } = this.raftStatus().configuration;
    const seat = seats.find((each) => each.id === member);
    const name = seat === undefined ? "" : decodeSeatContext(seat.context).name;
    if (name !== "") return name;
    return member === this.#options.self ? this.#options.record.memberName : member.slice(0, 8);
  }
}
