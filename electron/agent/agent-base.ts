import type { ForeignFiles } from "./foreign/foreign-files.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import type { ClusterRecord } from "./members/cluster-record.ts";
import type { Discovery, DiskError, Ports } from "./ports.ts";
import type { ReplicaSettings } from "./replica/replica-context.ts";
import type { AddressBook } from "./transport/address-book.ts";
import type { TlsNetwork } from "./transport/tls-network.ts";

/** An opened, locked data folder. */
export type DataFolder = {
  /** As people see it. */
  readonly path: string;
  readonly self: MemberId;
  /** null before a cluster was created or joined. */
  readonly record: ClusterRecord | null;
  readonly addressBook: AddressBook;
  readonly saveRecord: (record: ClusterRecord) => Promise<Result<null, DiskError>>;
};

/** What an agent runs on. */
export type AgentBase = {
  readonly folder: DataFolder;
  readonly ports: Ports;
  /** `ports.network` with what only the real one has: invitations. */
  readonly network: TlsNetwork;
  readonly discovery: Discovery;
  readonly settings: ReplicaSettings;
  readonly version: string;
  readonly httpUrl: () => string | null;
  /** Files of other programs on their way in. */
  readonly foreignFiles: ForeignFiles;
  /** See `ReplicaOptions`. */
  readonly onBroken: (reason: string) => void;
  readonly manualPeers: readonly string[];
  /** The computer's name, until a person gives another. */
  readonly defaultName: string;
};
