/**
 * Makes the parts of a replica and connects them. Parts need each other in circles (the core's
 * messages go to the links, the links' messages to the core), so each gets functions that look
 * up the others when they are called; none is called before all exist.
 */
import { logIndex } from "../../../shared/base/ids.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import { makeBackups } from "../backup/backup-parts.ts";
import { Administration } from "../members/administration.ts";
import { Admission } from "../members/admission.ts";
import { RESEAT_METHOD } from "../members/seat-keeper.ts";
import { SEATS_METHOD, Vouching } from "../members/vouching.ts";
import type { PeerInfo } from "../transport/peer-links.ts";
import { Applier } from "./applier.ts";
import { ClusterSettings } from "./cluster-settings.ts";
import { CopyCheck } from "./copy-check.ts";
import { EventHub } from "./event-hub.ts";
import { Forwarder } from "./forwarder.ts";
import { LagHistory } from "./lag-history.ts";
import { LagTracker } from "./lag-tracker.ts";
import { makeDriver, makeLinks, makeSeats } from "./link-parts.ts";
import { leaderChecksum } from "./leader-checksum.ts";
import { Leadership } from "./leadership.ts";
import { Methods } from "./methods.ts";
import type { Parts, PartsBase } from "./parts-types.ts";
import { PastState } from "./past-state.ts";
import { Pulse } from "./pulse.ts";
import { Reader } from "./reader.ts";
import type { SnapshotSource } from "./snapshot-sender.ts";
import { SnapshotTransfers } from "./snapshot-transfers.ts";
import { Snapshotter } from "./snapshotter.ts";
import { stageRows } from "./status-builder.ts";
import { StorageState } from "./storage-state.ts";
import { StoreRecovery } from "./store-recovery.ts";
import { makeTroubles } from "./trouble-parts.ts";

/** Makes all parts; nothing runs yet. */
export function makeParts(base: PartsBase): Parts {
  const { options, context, replica } = base;
  const storage = new StorageState(options.folder);
  if (base.files.damage !== null) storage.damaged(base.files.damage);
  const hub = new EventHub(options.ports.clock, () => replica.status());
  const admission = new Admission(options.self, options.record.known, (known) => {
    void options.saveRecord({ known });
  });
  const links = makeLinks(base, admission);
  const driver = makeDriver(base, { links, storage });
  const data = makeDataParts(base, { links, driver, storage });
  const leadership = makeLeadership(base, { applier: data.applier, driver, links, storage });
  const forwarder: Forwarder = new Forwarder({
    clock: options.ports.clock,
    send: (to, message) => links.send(to, message),
    serve: async (from, method, params) => {
      if (method === SEATS_METHOD) return vouching.answer();
      if (method === RESEAT_METHOD) return administration.reseat(from);
      return methods.serveForwarded(from, method, params);
    },
  });
  const seats = makeSeats(base, { hub, driver, links, forwarder });
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
  const troubles = makeTroubles(base, {
    ...data,
    ...{ storage, driver, forwarder, links, administration },
  });
  const backups = makeBackups(base, { ...data, forwarder, links, storage, reader });
  const history = new LagHistory();
  const service = {
    ...{ leadership, forwarder, administration, reader, storage, hub, driver, links, seats },
    backups,
  };
  const copyCheck = makeCopyCheck(base, { ...data, ...service, troubles });
  const methods = makeMethods(base, { ...data, ...service, copyCheck }, history);
  const pulse = makePulse(base, { ...data, ...service, vouching }, history);
  return { ...data, ...service, admission, troubles, copyCheck, methods, pulse };
}

type DataParts = Pick<
  Parts,
  "applier" | "lag" | "snapshotter" | "transfers" | "recovery" | "settings" | "pastState"
>;

/** The parts between log and database. */
function makeDataParts(
  { options, files, replica }: PartsBase,
  { links, driver, storage }: Pick<Parts, "links" | "driver" | "storage">,
): DataParts {
  const { clock, logger, store } = options.ports;
  const { log, raft, snapshots } = files;
  const { settings, pastState } = makePastParts(options, files);
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
    termAt: (index) => log.termAt(index),
    bytesAfter: (index) => log.bytesAfter(index),
    snapshotIndex: () => snapshots.latest()?.mark.position.index ?? logIndex(0),
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
    retention: () => settings.retention,
    configurationAt: (index) => raft.configurationAt(index),
    wallMs: () => clock.wallMs(),
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
    sources: () => snapshotSources(raftStatus(), { links, lag }),
    isConnected: (member) => links.isUp(member),
    send: (to, message) => links.send(to, message),
    prepare: () => snapshotter.forTransfer(),
    exclusively: (work) => recovery.exclusively(work),
  });
  return { applier, lag, snapshotter, transfers, recovery, settings, pastState };
}

/** What is kept of the past, and who reads it. */
function makePastParts(
  { ports, settings }: PartsBase["options"],
  { log, snapshots }: PartsBase["files"],
): Pick<Parts, "settings" | "pastState"> {
  const { clock, logger, store, openScratchStore } = ports;
  const defaults = { bytes: settings.retentionBytes, ms: settings.retentionMs };
  const own = { log, clock, logger, files: snapshots, openStore: openScratchStore };
  return { settings: new ClusterSettings(store, defaults), pastState: new PastState(own) };
}

/** Followers a leader may point to: connected, in step, and with a snapshot of their own. */
function snapshotSources(
  { progress }: RaftStatus,
  { links, lag }: Pick<Parts, "links" | "lag">,
): readonly SnapshotSource[] {
  const isWell = progress.filter(({ mode, isActive }) => mode === "replicate" && isActive);
  return isWell
    .filter(({ id }) => links.isUp(id))
    .map(({ id }) => ({ id, snapshotIndex: lag.stagesOf(id)?.snapshotIndex ?? logIndex(0) }));
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
    stalenessMs: () => lag.stalenessMs(),
    waitMs: options.settings.readWaitMs,
  });
}

type ServiceParts = Omit<Parts, "admission" | "troubles" | "copyCheck" | "methods" | "pulse">;

function makeCopyCheck(
  { options, files }: PartsBase,
  parts: ServiceParts & Pick<Parts, "troubles">,
): CopyCheck {
  const { applier, leadership, reader, recovery, snapshotter, pastState, storage } = parts;
  const { forwarder, hub, troubles } = parts;
  const { store, logger, openScratchStore } = options.ports;
  const raftStatus = (): RaftStatus => files.raft.status();
  return new CopyCheck({
    ...{ store, logger, openStore: openScratchStore, log: files.log, files: files.snapshots },
    ...{ applier, leadership, reader, recovery, snapshotter, pastState, storage },
    isLeader: () => raftStatus().role === "leader",
    leaderChecksum: (index) => leaderChecksum({ raftStatus, applier, forwarder }, index),
    onRepaired: (index) => {
      troubles.onRepaired();
      const all = { tables: ["*"], rowCount: 0, isSchemaChange: true };
      hub.emit({ type: "committed", fromIndex: index, toIndex: index, ...all });
    },
  });
}

function makeMethods(
  { options, files, context, replica }: PartsBase,
  parts: ServiceParts & Pick<Parts, "copyCheck">,
  lagHistory: LagHistory,
): Methods {
  const { applier, leadership, reader, forwarder, lag, storage, administration, hub } = parts;
  return new Methods({
    context,
    log: files.log,
    files: files.snapshots,
    settings: options.settings,
    clusterSettings: parts.settings,
    pastState: parts.pastState,
    raftStatus: () => files.raft.status(),
    applier,
    leadership,
    reader,
    forwarder,
    lag,
    lagHistory,
    storage,
    administration,
    backups: parts.backups,
    copyCheck: parts.copyCheck,
    status: () => replica.status(),
    rows: () => stageRows(replica.statusSources()),
    history: () => hub.history,
    makeInvite: options.makeInvite,
  });
}

function makePulse(
  { options, files, context, replica }: PartsBase,
  parts: ServiceParts & { readonly vouching: Vouching },
  history: LagHistory,
): Pulse {
  const { driver, lag, hub, forwarder, links, administration, snapshotter, vouching, seats } =
    parts;
  const { backups } = parts;
  return new Pulse({
    context,
    heartbeatMs: options.settings.raft.heartbeatMs,
    driver,
    raftStatus: () => files.raft.status(),
    lag,
    history,
    hub,
    forwarder,
    sendToAll: (make) => links.sendToAll(make),
    sources: () => replica.statusSources(),
    everySecond: (stored) => {
      seats.tick(stored);
      administration.autopilot();
      vouching.askWhenLeaderless();
      void snapshotter.maybeSnapshot();
      backups.tick();
    },
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
    log: files.log,
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
