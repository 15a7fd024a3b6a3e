import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";
import type { HelloMessage, RefusalCode } from "../../../shared/protocol/hello.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type { VersionRange } from "../../../shared/protocol/version.ts";
import type { Clock, Logger, Network, Random } from "../ports.ts";
import type { AddressBook } from "./address-book.ts";
import type { LinkRefusal } from "./link.ts";

/** What this member says of itself; asked anew for every connection. */
export type LocalHello = Pick<
  HelloMessage,
  | "timeline"
  | "memberName"
  | "appVersion"
  | "http"
  | "lastIndex"
  | "term"
  | "incarnation"
  | "votedFor"
>;

/** What the links run on and whom they tell. */
export type PeerLinksOptions = {
  readonly self: MemberId;
  readonly clusterId: ClusterId;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly addressBook: AddressBook;
  /** Given by a person (`--peer`); dialled until they turn out to be a connected member. */
  readonly manualAddresses: readonly string[];
  /** Who may connect and is dialled; this member may be among them. */
  readonly members: () => readonly MemberId[];
  /** Protocol versions this member speaks. */
  readonly versions: VersionRange;
  readonly describeSelf: () => LocalHello;
  /** In order per connection. Frames may be lost when a connection ends or is replaced. */
  readonly onMessage: (from: MemberId, message: MemberMessage) => void;
  /** A member can be talked to. */
  readonly onUp: (peer: MemberId, hello: HelloMessage) => void;
  /** A member that was up cannot be reached any more. */
  readonly onDown: (peer: MemberId, reason: string) => void;
  /** A member says why it does not take this one. */
  readonly onRefused: (peer: MemberId, code: RefusalCode) => void;
  /** Two live processes use one member's key: a cloned data folder. The newer one is refused. */
  readonly onDuplicate: (peer: MemberId) => void;
  /**
   * Another process with this member's own key answers.
   *
   * @param isYielding Of the two, this one is to stand back if one of them is enough.
   */
  readonly onOwnCopy: (hello: HelloMessage, isYielding: boolean) => void;
};

/** What is known of a member's connection; the last known where it is not connected. */
export type PeerInfo = {
  readonly id: MemberId;
  readonly isConnected: boolean;
  /** host:port at which it was last reached. */
  readonly address: string | null;
  readonly name: string | null;
  /** Of the application. */
  readonly version: string | null;
  /** Of the protocol, as agreed on; null while it is not connected. */
  readonly protocolVersion: number | null;
  /** Its own loopback UI, when it told. */
  readonly http: string | null;
  readonly roundTripMs: number | null;
  /** Why the last attempt was refused; null once connected. */
  readonly refusal: LinkRefusal | null;
};

/** Since the start of this process. */
export type LinkCounters = {
  readonly malformedFrames: number;
  readonly refusedByUs: number;
  readonly refusedByThem: number;
  readonly duplicateIdentities: number;
  readonly connectionsUp: number;
};
