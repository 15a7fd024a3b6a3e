/**
 * Makes the parts of a replica and connects them. Parts need each other in circles (the core's
 * messages go to the links, the links' messages to the core), so each gets functions that look
 * up the others when they are called; none is called before all exist.
 */
import type { LeadershipEvent } from "../../../shared/api/methods.ts";
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import type { Status } from "../../../shared/cluster/status.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type { LogEntry, RaftStatus, ReadAnswer, SnapshotMark } from "../../../shared/raft/types.ts";
import { Administration } from "../members/administration.ts";
import { Admission } from "../members/admission.ts";
import { SEATS_METHOD, Vouching } from "../members/vouching.ts";
import type { DiskError } from "../ports.ts";
import { PeerLinks } from "../transport/peer-links.ts";
import type { PeerInfo } from "../transport/peer-links.ts";
import { Applier } from "./applier.ts";
import type { AppliedListener } from "./applier.ts";
import { EventHub } from "./event-hub.ts";
import { Forwarder } from "./forwarder.ts";
import { LagHistory } from "./lag-history.ts";
import { LagTracker } from "./lag-tracker.ts";
import { Leadership } from "./leadership.ts";
import { Methods } from "./methods.ts";
import type { OpenedFiles } from "./open-files.ts";
import { Pulse } from "./pulse.ts";
import { RaftDriver } from "./raft-driver.ts";
import { Reader } from "./reader.ts";
import type { ReplicaContext, ReplicaOptions } from "./replica-context.ts";
import { SnapshotTransfers } from "./snapshot-transfers.ts";
import { Snapshotter } from "./snapshotter.ts";
import type { StatusSources } from "./status-builder.ts";
import { StorageState } from "./storage-state.ts";
import { StoreRecovery } from "./store-recovery.ts";

/** What the parts are made from. */
export type PartsBase = {
  readonly options: ReplicaOptions;
  readonly files: OpenedFiles;
  readonly context: ReplicaContext;
  readonly replica: PartsListener;
};

/** Whom the parts tell what happened, and what they ask the whole. */
export interface PartsListener {
  status(): Status;
  statusSources(): StatusSources;
  leadershipEvents(): readonly LeadershipEvent[];
  statusChanged(): void;
  lowestIndexNeeded(): LogIndex;
  onMessage(from: MemberId, message: MemberMessage): void;
  onDown(peer: MemberId): void;
  onCommitted(entries: readonly LogEntry[]): void;
  onReadAnswer(answer: ReadAnswer): void;
  onSnapshotWanted(member: MemberId): void;
  installSnapshot(mark: SnapshotMark): Promise<DiskError | null>;
  onApplied: AppliedListener;
  onDiverged(detail: string): void;
  onMismatch(member: MemberId, index: LogIndex): void;
  onStoreLost(reason: unknown): void;
  onDiskError(error: DiskError): void;
  onChange(): void;
}

/** Everything a replica consists of. */
export type Parts = {
  readonly storage: StorageState;
  readonly admission: Admission;
  readonly hub: EventHub;
  readonly applier: Applier;
  readonly driver: RaftDriver;
  readonly links: PeerLinks;
  readonly lag: LagTracker;
  readonly leadership: Leadership;
  readonly reader: Reader;
  readonly forwarder: Forwarder;
  readonly snapshotter: Snapshotter;
  readonly transfers: SnapshotTransfers;
  readonly recovery: StoreRecovery;
  readonly administration: Administration;
  readonly methods: Methods;
  readonly pulse: Pulse;
};

/** Makes all parts; nothing runs yet. */
export function makeParts(base: PartsBase): Parts {
  const { options, context, replica } = base;
  const storage = new StorageState(options.folder);
  const hub = new EventHub(options.ports.clock, () => replica.status());
  const admission = new Admission(options.self, options.record.known, options.saveKnown);
  const links = makeLinks(base, admission);
  const driver = makeDriver(base, { links, storage });
  const data = makeDataParts(base, { links, driver, storage });
  const leadership = makeLeadership(base, { applier: data.applier, driver, links, storage });
  const forwarder: Forwarder = new Forwarder({
    clock: options.ports.clock,
    send: (to, message) => links.send(to, message),
    serve: async (_from, method, params) =>
      method === SEATS_METHOD ? vouching.answer() : methods.serveForwarded(method, params),
  });
  const vouching = new Vouching({
    self: options.self,
    raftStatus: () => base.files.raft.status(),
    forwarder,
    admission,
    isConnected: (member) => links.isUp(member),
    onAdmitted: () => links.membersChanged(),
  });
  const administration = new Administration({
    context,
    raftStatus: () => base.files.raft.status(),
    driver,
    applier: data.applier,
    leadership,
    forwarder,
    isConnected: (member) => links.isUp(member),
  });
  const reader = makeReader(base, { ...data, driver });
  const history = new LagHistory();
  const service = { leadership, forwarder, administration, reader, storage, hub, driver, links };
  const methods = makeMethods(base, { ...data, ...service }, history);
  const pulse = makePulse(base, { ...data, ...service, vouching }, history);
  return { ...data, ...service, admission, methods, pulse };
}

/** The parts between log and database. */
function makeDataParts(
  { options, files, replica }: PartsBase,
  { links, driver, storage }: Pick<Parts, "links" | "driver" | "storage">,
): Pick<Parts, "applier" | "lag" | "snapshotter" | "transfers" | "recovery"> {
  const { clock, logger, store } = options.ports;
  const { log, raft, snapshots } = files;
  const raftStatus = (): RaftStatus => raft.status();
  const applier = new Applier({
    store,
    log,
    logger,
    onApplied: (outcome, batch) => replica.onApplied(outcome, batch),
    onDiverged: (_index, detail) => replica.onDiverged(detail),
    onStoreLost: (reason) => replica.onStoreLost(reason),
  });
  const lag = new LagTracker({
    clock,
    applier,
    raftStatus,
    bytesAfter: (index) => log.bytesAfter(index),
    silenceMs: options.settings.raft.electionMs,
    onMismatch: (member, index) => replica.onMismatch(member, index),
  });
  const snapshotter = new Snapshotter({
    store,
    logger,
    log,
    files: snapshots,
    applier,
    storage,
    settings: options.settings,
    configurationAt: (index) => raft.configurationAt(index),
    lowestNeeded: () => replica.lowestIndexNeeded(),
  });
  const recovery = new StoreRecovery({ store, snapshots, applier, logger });
  const transfers = new SnapshotTransfers({
    clock,
    logger,
    store,
    log,
    files: snapshots,
    applier,
    driver,
    raftStatus,
    send: (to, message) => links.send(to, message),
    prepare: () => snapshotter.forTransfer(),
    exclusively: (work) => recovery.exclusively(work),
  });
  return { applier, lag, snapshotter, transfers, recovery };
}

function makeReader(
  { options }: PartsBase,
  { applier, driver, lag }: Pick<Parts, "applier" | "driver" | "lag">,
): Reader {
  return new Reader({
    clock: options.ports.clock,
    store: options.ports.store,
    applier,
    readIndex: (requestId) => driver.input((raft) => raft.readIndex(requestId)),
    asOf: () => lag.asOf(),
    stalenessMs: () => lag.stalenessMsMax(),
    waitMs: options.settings.readWaitMs,
  });
}

type ServiceParts = Omit<Parts, "admission" | "methods" | "pulse">;

function makeMethods(
  { options, files, context, replica }: PartsBase,
  parts: ServiceParts,
  history: LagHistory,
): Methods {
  const { applier, leadership, reader, forwarder, lag, storage, administration } = parts;
  return new Methods({
    context,
    log: files.log,
    raftStatus: () => files.raft.status(),
    applier,
    leadership,
    reader,
    forwarder,
    lag,
    history,
    storage,
    administration,
    status: () => replica.status(),
    leadershipEvents: () => replica.leadershipEvents(),
    makeInvite: options.makeInvite,
  });
}

function makePulse(
  { options, files, context, replica }: PartsBase,
  parts: ServiceParts & { readonly vouching: Vouching },
  history: LagHistory,
): Pulse {
  const { driver, lag, hub, forwarder, links, administration, snapshotter, vouching } = parts;
  return new Pulse({
    context,
    heartbeatMs: options.settings.raft.heartbeatMs,
    driver,
    raftStatus: () => files.raft.status(),
    lag,
    history,
    hub,
    forwarder,
    broadcast: (message) => links.broadcast(message),
    sources: () => replica.statusSources(),
    everySecond: () => {
      administration.autopilot();
      vouching.askWhenLeaderless();
      void snapshotter.maybeSnapshot();
    },
  });
}

function makeLinks(
  { options, files, context, replica }: PartsBase,
  admission: Admission,
): PeerLinks {
  const { ports, self, record } = options;
  return new PeerLinks({
    self,
    clusterId: record.id,
    network: ports.network,
    clock: ports.clock,
    random: ports.random,
    logger: ports.logger,
    addressBook: options.addressBook,
    manualAddresses: options.manualPeers,
    members: () => admission.members(),
    describeSelf: () => ({
      timeline: record.timeline,
      memberName: context.nameOf(self),
      appVersion: options.version,
      http: options.httpUrl(),
      lastIndex: files.log.lastIndex,
      term: files.raft.status().term,
    }),
    onMessage: (from, message) => replica.onMessage(from, message),
    onUp: () => replica.statusChanged(),
    onDown: (peer) => replica.onDown(peer),
    onDuplicate: (peer) => ports.logger.warn("duplicate-identity", { peer }),
  });
}

function makeDriver(
  { options, files, replica }: PartsBase,
  { links, storage }: Pick<Parts, "links" | "storage">,
): RaftDriver {
  return new RaftDriver({
    raft: files.raft,
    log: files.log,
    clock: options.ports.clock,
    send: (message) => links.send(message.to, { type: "raft", message }),
    onCommitted: (entries) => replica.onCommitted(entries),
    onRead: (answer) => replica.onReadAnswer(answer),
    onSnapshotWanted: (member) => replica.onSnapshotWanted(member),
    installSnapshot: (mark) => replica.installSnapshot(mark),
    onDiskError: (error) => replica.onDiskError(error),
    onDiskRecovered: () => storage.recovered(),
    onChange: () => replica.onChange(),
  });
}

function makeLeadership(
  { options, files, context }: PartsBase,
  parts: Pick<Parts, "applier" | "driver" | "links" | "storage">,
): Leadership {
  return new Leadership({
    clock: options.ports.clock,
    store: options.ports.store,
    applier: parts.applier,
    storage: parts.storage,
    raftStatus: () => files.raft.status(),
    driver: parts.driver,
    electionMs: options.settings.raft.electionMs,
    isRemoved: () => isRemoved([...parts.links.peers().values()]),
    contactOf: (member) => {
      const peer = parts.links.peers().get(member);
      const name = context.nameOf(member);
      return { id: member, name, address: peer?.address ?? null, http: peer?.http ?? null };
    },
  });
}

/** One that lags behind may not know of a new member yet; a connection proves it is none. */
function isRemoved(peers: readonly PeerInfo[]): boolean {
  if (peers.some((peer) => peer.isConnected)) return false;
  return peers.some(({ refusal }) => refusal?.code === "not-a-member" && refusal.by === "them");
}
