/**
 * Seats as a running member lives with them: its own (`seat-keeper.ts`), those of the others
 * (`seat-watch.ts`), and the memory both rest on (`peer-memory.ts`). Connects the three to the
 * core, the links and the disk; each decision is in its own file.
 */
import type { ApiError, DoubtEvent, SeatEvent } from "../../../shared/api/methods.ts";
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { SeatReason, SeatStatus } from "../../../shared/cluster/status.ts";
import type { BarredMessage } from "../../../shared/protocol/barred.ts";
import type { HelloMessage, RefusalCode } from "../../../shared/protocol/hello.ts";
import { seatOf, votersOf } from "../../../shared/raft/configuration.ts";
import type { Configuration, RaftMessage, RaftStatus } from "../../../shared/raft/types.ts";
import { writeSettings } from "../log/settings-file.ts";
import type { Disk, DiskError, Ports } from "../ports.ts";
import type { RecordChanges, Withdrawal } from "./cluster-record.ts";
import { PeerMemory } from "./peer-memory.ts";
import type { SeatFaults } from "./peer-memory.ts";
import { SeatKeeper } from "./seat-keeper.ts";
import { SeatWatch } from "./seat-watch.ts";
import type { StoredRow } from "./seat-watch.ts";

/** The file of the peer memory, in the data folder. */
export const PEERS_FILE = "peers.json";

type SeatsOptions = {
  readonly self: MemberId;
  readonly ports: Pick<Ports, "clock" | "logger" | "disk">;
  /** What was decided at the start; null when an incarnation is held. */
  readonly withdrawal: Withdrawal | null;
  readonly faults?: SeatFaults | undefined;
  /** The content of `peers.json`. */
  readonly savedPeers: unknown;
  readonly raftStatus: () => RaftStatus;
  readonly configurationAt: (index: LogIndex) => Configuration;
  readonly nameOf: (member: MemberId) => string;
  readonly hold: (incarnation: number | null) => void;
  readonly saveRecord: (changes: RecordChanges) => Promise<Result<null, DiskError>>;
  readonly askSeat: (leader: MemberId) => Promise<Result<unknown, ApiError>>;
  readonly send: (to: MemberId, message: BarredMessage) => void;
  /** Ends the connection, so that both sides greet each other anew. */
  readonly refuse: (member: MemberId, code: RefusalCode, detail: string) => void;
  readonly onEvent: (event: SeatEvent | DoubtEvent) => void;
};

/** See the top of the file. */
export class Seats {
  readonly #options: SeatsOptions;
  readonly #memory: PeerMemory;
  readonly #keeper: SeatKeeper;
  readonly #watch: SeatWatch;

  constructor(options: SeatsOptions) {
    this.#options = options;
    const { clock, logger, disk } = options.ports;
    const { self, savedPeers: saved, faults } = options;
    const save = (json: unknown): Promise<boolean> => savePeers(disk, json);
    this.#memory = new PeerMemory({ self, clock, saved, save, faults });
    this.#keeper = new SeatKeeper({ ...options, clock, logger }, options.withdrawal);
    this.#watch = new SeatWatch({ ...options, clock, logger, memory: this.#memory });
  }

  /** This member's own seat, for the status. */
  get shown(): SeatStatus {
    return this.#keeper.shown;
  }

  /** Says what was found at the start. */
  announce(): void {
    this.#keeper.announce();
  }

  /** This member gives up what its seat promised. */
  withdraw(reason: SeatReason, detail: string): void {
    this.#keeper.withdraw(reason, detail);
  }

  /** A member can be talked to. */
  onUp(peer: MemberId, hello: HelloMessage): void {
    const bar = this.#watch.onHello(peer, hello);
    // A member of protocol version 1 would not understand why nothing it says counts.
    if (bar !== null && hello.incarnation === "unstated") {
      this.#options.refuse(peer, "barred", bar.detail);
    }
  }

  /** A member does not take this one. */
  onRefused(peer: MemberId, code: RefusalCode): void {
    // Of its own key the greeting said more: see onOwnCopy.
    if (code !== "duplicate-identity" || peer === this.#options.self) return;
    const detail = `${this.#options.nameOf(peer)} is connected to the other one`;
    this.#keeper.withdraw("copy", detail);
  }

  /**
   * Another process with this member's own key runs. Which of the two promised what since they were
   * one folder nobody knows, so neither may go on as the seat: both give it up, and the one that
   * the others stay connected to gets a new one. A lone voter has nobody to get it from: of two
   * such, one goes on.
   */
  onOwnCopy({ incarnation: theirs }: HelloMessage, isYielding: boolean): void {
    const { raftStatus, self } = this.#options;
    const { incarnation: held, configuration } = raftStatus();
    if (held === null || theirs === null) return;
    if (theirs !== "unstated" && theirs !== held) {
      if (theirs < held) return;
      return this.#keeper.withdraw("superseded", `the other one speaks for seat ${theirs}`);
    }
    const isLone = votersOf(configuration).every((id) => id === self);
    if (isLone && !isYielding) return;
    this.#keeper.withdraw("copy", "the two have met on the network");
  }

  /** A member's key is in use twice; the later one was refused. */
  onDuplicate(peer: MemberId): void {
    this.#watch.onDuplicate(peer);
  }

  /** Whether the core may hear it. */
  mayHear(message: RaftMessage): boolean {
    return this.#watch.onRaft(message);
  }

  /** A member says that this one is not believed. */
  onBarred(from: MemberId, { incarnation, reason, detail }: BarredMessage): void {
    const isMeant = this.#keeper.barred(incarnation, reason, detail);
    const { incarnation: held } = this.#options.raftStatus();
    if (isMeant || held === null || held === incarnation) return;
    // It speaks of a seat that is over: a new greeting tells it which one this is now.
    this.#options.refuse(from, "barred", "the seat was given anew meanwhile");
  }

  /** The committed configuration may be another one. */
  onConfiguration(): void {
    const { self, raftStatus, configurationAt } = this.#options;
    const { commitIndex, incarnation } = raftStatus();
    if (incarnation === null) return;
    const seat = seatOf(configurationAt(commitIndex), self)?.incarnation;
    // While old entries are replayed the seat in them is older, and that is no news.
    if (seat === undefined || seat <= incarnation) return;
    this.#keeper.withdraw("superseded", `seat ${incarnation} was given anew as ${seat}`);
  }

  /** Once a second. @param rows What the leader told of the others. */
  tick(rows: readonly StoredRow[]): void {
    this.#watch.note(rows);
    this.#keeper.tick();
  }

  /** Writes what is remembered. */
  close(): Promise<void> {
    return this.#memory.close();
  }
}

async function savePeers(disk: Disk, json: unknown): Promise<boolean> {
  return (await writeSettings(disk, PEERS_FILE, json)).ok;
}
