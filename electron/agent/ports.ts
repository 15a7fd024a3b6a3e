/**
 * Everything that can fail or that a test must control comes through one of these. Nothing in
 * this folder reads a clock, draws a random number, opens a socket or a file by itself, except
 * the one file that implements each port. The simulator (`test/sim`) gives other ones, and the
 * same agent then runs on virtual time, network and disk.
 */
import type { MemberId } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { StoreMethods } from "../store-worker/messages.ts";

/** A timer that can be stopped; stopping it twice is harmless. */
export interface Timer {
  cancel(): void;
}

/** Time. */
export interface Clock {
  /** Monotonic, in ms; never jumps with the wall clock. */
  nowMs(): number;
  /** ms since 1970, as the computer believes. Only shown and stored, never decided by. */
  wallMs(): number;
  /** How far the time that people here go by is ahead of UTC at a moment, in ms. */
  localOffsetMs(atWallMs: number): number;
  /** Calls back once after `delayMs` (0 to 2^31 - 1). */
  after(delayMs: number, callback: () => void): Timer;
}

/** Random numbers. `rng` is for timeouts; `bytes` is for ids and secrets. */
export interface Random {
  readonly rng: Rng;
  bytes(count: number): Uint8Array;
}

/** Why the disk did not do something. `storage-failed` is final: a failed sync is not retried. */
export type DiskError = {
  readonly code: "storage-full" | "storage-failed" | "not-writable" | "locked";
  readonly detail: string;
};

/** One open file. Calls on one file are made one after the other. */
export interface DiskFile {
  /** Bytes in the file, unsynced ones included. */
  readonly sizeBytes: number;
  /** Appends all parts. On `storage-full` the file is cut back to its size before. */
  append(parts: readonly Uint8Array[]): Promise<Result<null, DiskError>>;
  /**
   * Writes over bytes inside the file, which keeps its size. Takes no room on most disks, so it
   * works on a full one; on those that copy on write it may answer `storage-full`. After a failure,
   * and after a crash before the next `sync`, those bytes may be old, new or a mixture.
   */
  overwrite(offset: number, bytes: Uint8Array): Promise<Result<null, DiskError>>;
  /** Everything written so far is on the disk when this resolves ok (fdatasync). */
  sync(): Promise<Result<null, DiskError>>;
  /** Cuts the file; durable after the next `sync`. */
  truncate(sizeBytes: number): Promise<Result<null, DiskError>>;
  /** A part of the file; shorter at its end. Other work goes on meanwhile. */
  read(offset: number, length: number): Promise<Result<Uint8Array, DiskError>>;
  /** The same without waiting. Throws what the system throws when the disk cannot be read. */
  readNow(offset: number, length: number): Uint8Array;
  /** Never fails: whether bytes are stored is what `sync` says. Twice is harmless. */
  close(): Promise<void>;
}

/** A file as far as the disk gives it back. */
export type SpoiltFile = { readonly bytes: Uint8Array; readonly unreadableFrom: number | null };

/** Stands for a byte that the disk does not give back. */
export const UNREADABLE_BYTE = 0xdb;

/**
 * The data folder. Paths are relative to it, with "/". A file that was created, renamed or
 * removed is sure to be so after a crash only once `syncFolder` of its folder resolved.
 */
export interface Disk {
  /** Opens for appending; creates the file when it is missing. */
  open(path: string): Promise<Result<DiskFile, DiskError>>;
  /** The whole file, or null when it is not there. */
  read(path: string): Promise<Result<Uint8Array | null, DiskError>>;
  /**
   * The same where the disk cannot read all of it (a bad sector): such bytes come as 0xdb, which is not
   * what was stored, and `unreadableFrom` says where the first of them is; null when all was read.
   */
  readAround(path: string): Promise<Result<SpoiltFile | null, DiskError>>;
  /** Names in a folder, sorted; empty when the folder is not there. */
  list(folder: string): Promise<Result<readonly string[], DiskError>>;
  makeFolder(folder: string): Promise<Result<null, DiskError>>;
  /** Atomic replacement on the same disk. */
  rename(from: string, to: string): Promise<Result<null, DiskError>>;
  remove(path: string): Promise<Result<null, DiskError>>;
  syncFolder(folder: string): Promise<Result<null, DiskError>>;
}

/** Folders that a person named, outside the data folder: where backups go. */
export interface Folders {
  /** Paths of this disk are relative to `folder`, which need not be there yet. */
  open(folder: string): Disk;
  /** Room on the disk of a folder that is there; null when the system does not tell. */
  freeBytes(folder: string): Promise<number | null>;
}

/** A connection to an authenticated member: whole frames, in order, until it closes. */
export interface Connection {
  /** Proven by its key during the handshake. */
  readonly peer: MemberId;
  /** host:port of the other side as seen here. */
  readonly remoteAddress: string;
  readonly isDialer: boolean;
  /** Queues a frame; never blocks. After closing it does nothing. */
  send(frame: Uint8Array): void;
  /** Bytes queued here and not yet taken by the network. */
  readonly bufferedBytes: number;
  /** Set once, by the owner, before it returns to the event loop. */
  onFrame: (frame: Uint8Array) => void;
  onClose: (reason: string) => void;
  close(reason: string): void;
}

/** Why a dial failed. */
export type DialError = {
  readonly code: "unreachable" | "not-a-member" | "wrong-peer" | "timeout";
  readonly detail: string;
};

/** Connections between members. */
export interface Network {
  /** host:port where others can reach this member, once listening. */
  readonly listenAddress: string | null;
  /** Starts accepting; every accepted connection has passed `admit`. */
  listen(options: {
    /** Whether a proven key may connect: asks the committed membership. */
    readonly admit: (peer: MemberId) => boolean;
    readonly onConnection: (connection: Connection) => void;
  }): Promise<
    Result<string, { readonly code: "port-in-use" | "not-allowed"; readonly detail: string }>
  >;
  /**
   * @param expected Whom to find there (another key is `wrong-peer`); null accepts any member
   *   that `admit` allows, for addresses that came from mDNS or from a person.
   */
  dial(address: string, expected: MemberId | null): Promise<Result<Connection, DialError>>;
  close(): Promise<void>;
}

/** A member seen on the local network: a hint and nothing more. */
export type Sighting = { readonly address: string; readonly instance: string };

/** mDNS, or nothing. */
export interface Discovery {
  /** Announces the address for this cluster and reports others until `close`. */
  start(options: {
    readonly clusterTag: string;
    readonly address: string;
    readonly onSighting: (sighting: Sighting) => void;
  }): void;
  close(): Promise<void>;
}

/** The store, wherever it runs. Calls are carried out one at a time, in order. */
export interface Store {
  call<M extends keyof StoreMethods>(
    method: M,
    params: StoreMethods[M]["params"],
  ): Promise<StoreMethods[M]["result"]>;
  close(): Promise<void>;
}

/** Structured lines for the log file; `detail` is plain JSON. */
export interface Logger {
  info(event: string, detail?: Record<string, unknown>): void;
  warn(event: string, detail?: Record<string, unknown>): void;
}

/** All of them together, as the agent gets them. */
export type Ports = {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly folders: Folders;
  readonly network: Network;
  readonly discovery: Discovery;
  readonly store: Store;
  /**
   * Starts another store beside it, for a former state: empty until `load`. What it holds may be lost to a query
   * without end or for want of memory; calls then reject, and `onLost` is called.
   */
  readonly openScratchStore: (onLost: () => void) => Store;
  readonly logger: Logger;
};
