/**
 * Makes the parts of a replica that speak with the others, with the core and about seats; see
 * parts.ts for how parts find each other.
 */
import type { HelloMessage } from "../../../shared/protocol/hello.ts";
import { PROTOCOL_VERSIONS } from "../../../shared/protocol/version.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import type { Admission } from "../members/admission.ts";
import { RESEAT_METHOD } from "../members/seat-keeper.ts";
import { Seats } from "../members/seats.ts";
import { PeerLinks } from "../transport/peer-links.ts";
import type { Parts, PartsBase } from "./parts-types.ts";
import { RaftDriver } from "./raft-driver.ts";

/** A change of the configuration that waits for another one, and its commit. */
const RESEAT_WAIT_MS = 12_000;

/** The connections to the others. */
export function makeLinks(
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
    versions: options.versions ?? PROTOCOL_VERSIONS,
    members: () => admission.members(),
    describeSelf: () => ({
      timeline: record.timeline,
      memberName: context.nameOf(self),
      appVersion: options.version,
      http: options.httpUrl(),
      lastIndex: files.log.lastIndex,
      ...promisesOf(files.raft.status()),
    }),
    onMessage: (from, message) => replica.onMessage(from, message),
    onUp: (peer, hello) => replica.onUp(peer, hello),
    onDown: (peer) => replica.onDown(peer),
    onRefused: (peer, code) => replica.onRefused(peer, code),
    onDuplicate: (peer) => replica.onDuplicate(peer),
    onOwnCopy: (hello, isYielding) => replica.onOwnCopy(hello, isYielding),
  });
}

/** What others compare with what they remember; see `members/peer-memory.ts`. */
function promisesOf({
  term,
  incarnation,
  votedFor,
}: RaftStatus): Pick<HelloMessage, "term" | "incarnation" | "votedFor"> {
  return { term, incarnation, votedFor };
}

/** This member's seat, and the look at those of the others. */
export function makeSeats(
  { options, files, context }: PartsBase,
  { hub, driver, links, forwarder }: Pick<Parts, "hub" | "driver" | "links" | "forwarder">,
): Seats {
  return new Seats({
    self: options.self,
    ports: options.ports,
    withdrawal: files.withdrawal,
    savedPeers: files.savedPeers,
    faults: options.faults?.seats,
    raftStatus: () => files.raft.status(),
    configurationAt: (index) => files.raft.configurationAt(index),
    nameOf: context.nameOf,
    hold: (incarnation) => driver.input((raft) => raft.holdIncarnation(incarnation)),
    saveRecord: options.saveRecord,
    askSeat: (leader) => {
      const call = { method: RESEAT_METHOD, params: {}, withinMs: RESEAT_WAIT_MS };
      return forwarder.ask(leader, call);
    },
    send: (to, message) => links.send(to, message),
    refuse: (member, code, detail) => links.refuse(member, code, detail),
    onEvent: (event) => {
      hub.emit(event);
      hub.statusChanged();
    },
  });
}

/** The loop around the core. */
export function makeDriver(
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
