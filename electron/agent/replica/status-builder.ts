/** Puts together what a member says of itself and of the others; see `shared/cluster/status.ts`. */
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import { safetyOf } from "../../../shared/cluster/safety.ts";
import { decodeSeatContext } from "../../../shared/cluster/seat-context.ts";
import type {
  MemberRefusal,
  MemberRole,
  MemberStatus,
  Status,
} from "../../../shared/cluster/status.ts";
import type { RaftStatus, Seat } from "../../../shared/raft/types.ts";
import type { StoredRow } from "../members/seat-watch.ts";
import type { PeerInfo } from "../transport/peer-links.ts";
import type { Applier } from "./applier.ts";
import type { LagTracker } from "./lag-tracker.ts";
import type { ReplicaContext } from "./replica-context.ts";

/** The leader's row of a member, as followers show it; fetched from the leader every second. */
export type StageRow = Pick<
  MemberStatus,
  "id" | "received" | "flushed" | "applied" | "lagEntries" | "lagMs" | "lastSeen"
>;

/** What the picture is made of. */
export type StatusSources = {
  readonly context: ReplicaContext;
  readonly raft: RaftStatus;
  readonly applier: Applier;
  readonly lag: LagTracker;
  readonly peers: ReadonlyMap<MemberId, PeerInfo>;
  /** On a follower: what the leader last told of the others. */
  readonly rows: ReadonlyMap<MemberId, StageRow>;
  readonly log: { readonly firstIndex: LogIndex; readonly bytes: number };
  readonly storage: Status["storage"];
  readonly seat: Status["seat"];
  readonly canWrite: boolean;
};

/** The whole picture, now. */
export function buildStatus(sources: StatusSources): Status {
  const { context, raft, applier } = sources;
  const { applied, checksum } = applier.position;
  const role = roleOf(raft);
  const members = raft.configuration.seats.map((seat) => memberStatus(seat, sources));
  return {
    cluster: {
      id: context.record.id,
      name: context.record.name,
      timeline: context.record.timeline,
    },
    member: {
      id: context.self,
      name: context.nameOf(context.self),
      seat: seatOf(raft, context.self)?.kind ?? null,
    },
    seat: sources.seat,
    alarm: alarmOf(sources),
    role,
    term: raft.term,
    leader: leaderOf(sources),
    canWrite: sources.canWrite,
    log: {
      firstIndex: sources.log.firstIndex,
      lastIndex: raft.lastIndex,
      commitIndex: raft.commitIndex,
      appliedIndex: applied.index,
      bytes: sources.log.bytes,
    },
    checksum: { index: applied.index, value: checksum },
    lag: sources.lag.lag(),
    members,
    durability: "synchronous",
    safety: safetyOf({ role, members, log: raft }),
    storage: sources.storage,
    settings: context.shownSettings(),
    version: context.version,
    at: new Date(context.ports.clock.wallMs()).toISOString(),
  };
}

/** How far everybody is, without what else a status shows; for what is asked every second. */
export function stageRows(sources: StatusSources): readonly StageRow[] {
  return sources.raft.configuration.seats.map(({ id }) => ({ id, ...stagesOf(id, sources) }));
}

/**
 * What the leader tells followers of everybody: the rows, with what each seat is known to have stored. Its
 * own seat too: who remembers it notices when the leader's own folder is put back.
 */
export function rowsToTell(
  rows: readonly StageRow[],
  raft: RaftStatus,
): readonly (StageRow | (StageRow & StoredRow))[] {
  const { id, incarnation, flushedIndex, progress } = raft;
  const seats = [...progress, { id, incarnation, matchIndex: flushedIndex }];
  return rows.map((row) => {
    const seat = seats.find((each) => each.id === row.id);
    if (seat === undefined || seat.incarnation === null) return row;
    return { ...row, incarnation: seat.incarnation, stored: seat.matchIndex };
  });
}

function roleOf(raft: RaftStatus): MemberRole {
  if (raft.role === "leader") return "leader";
  if (seatOf(raft, raft.id)?.kind !== "voter") return "mirror";
  return raft.role === "follower" ? "follower" : "candidate";
}

function seatOf(raft: RaftStatus, member: MemberId): Seat | undefined {
  return raft.configuration.seats.find((seat) => seat.id === member);
}

function alarmOf({ context, raft }: StatusSources): Status["alarm"] {
  if (raft.alarm === null) return null;
  const { code, member, detail } = raft.alarm;
  return { code, member: context.nameOf(member), detail };
}

function leaderOf({ context, raft, peers }: StatusSources): Status["leader"] {
  if (raft.leader === null) return null;
  const address =
    raft.leader === context.self
      ? context.ports.network.listenAddress
      : (peers.get(raft.leader)?.address ?? null);
  const http = raft.leader === context.self ? null : (peers.get(raft.leader)?.http ?? null);
  return { id: raft.leader, name: context.nameOf(raft.leader), address, http };
}

function memberStatus(seat: Seat, sources: StatusSources): MemberStatus {
  const { context, raft, peers } = sources;
  const isSelf = seat.id === context.self;
  const peer = peers.get(seat.id);
  const stages = stagesOf(seat.id, sources);
  return {
    id: seat.id,
    name: decodeSeatContext(seat.context).name,
    seat: seat.kind,
    isSelf,
    isLeader: raft.leader === seat.id,
    connected: isSelf || (peer?.isConnected ?? false),
    received: stages.received,
    flushed: stages.flushed,
    applied: stages.applied,
    lagEntries: stages.lagEntries,
    lagMs: stages.lagMs,
    roundTripMs: isSelf ? 0 : (peer?.roundTripMs ?? null),
    lastSeen: stages.lastSeen,
    address: isSelf ? context.ports.network.listenAddress : (peer?.address ?? null),
    version: isSelf ? context.version : (peer?.version ?? null),
    refusal: refusalOf(peer),
  };
}

function refusalOf(peer: PeerInfo | undefined): MemberRefusal | null {
  if (peer === undefined || peer.isConnected || peer.refusal === null) return null;
  return { code: peer.refusal.code, detail: peer.refusal.detail };
}

function stagesOf(id: MemberId, sources: StatusSources): Omit<StageRow, "id"> {
  if (id === sources.context.self) return ownStages(sources);
  return sources.raft.role === "leader" ? heardStages(id, sources) : toldStages(id, sources);
}

function ownStages({ context, raft, applier, lag }: StatusSources): Omit<StageRow, "id"> {
  const own = lag.lag();
  return {
    received: raft.lastIndex,
    flushed: raft.flushedIndex,
    applied: applier.position.applied.index,
    lagEntries: own.entries,
    lagMs: own.ms,
    lastSeen: new Date(context.ports.clock.wallMs()).toISOString(),
  };
}

/** The leader's own knowledge; of a member that never answered, only what the core knows. */
function heardStages(id: MemberId, { raft, lag }: StatusSources): Omit<StageRow, "id"> {
  const stages = lag.stagesOf(id);
  if (stages === null) {
    const matched = raft.progress.find((each) => each.id === id)?.matchIndex ?? null;
    const known = matched === 0 ? null : matched;
    const lagEntries = known === null ? null : Math.max(0, raft.commitIndex - known);
    return {
      received: known,
      flushed: known,
      applied: null,
      lagEntries,
      lagMs: null,
      lastSeen: null,
    };
  }
  const { received, flushed, applied, heardWallMs } = stages;
  return {
    received,
    flushed,
    applied,
    lagEntries: Math.max(0, raft.commitIndex - applied),
    lagMs: lag.memberLagMs(id),
    lastSeen: new Date(heardWallMs).toISOString(),
  };
}

function toldStages(id: MemberId, { rows }: StatusSources): Omit<StageRow, "id"> {
  const row = rows.get(id);
  if (row === undefined) {
    return {
      received: null,
      flushed: null,
      applied: null,
      lagEntries: null,
      lagMs: null,
      lastSeen: null,
    };
  }
  const { received, flushed, applied, lagEntries, lagMs, lastSeen } = row;
  return { received, flushed, applied, lagEntries, lagMs, lastSeen };
}
