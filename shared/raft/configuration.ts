/**
 * Who belongs to the cluster: its bytes, and what one change makes of it.
 *
 * Pure. Whether a change may be made now (leader, one at a time, caught up) is decided in
 * `proposing.ts`; what a context means is known to `shared/cluster` only.
 */
import { assert, defined, unreachable } from "../base/assert.ts";
import { ByteReader, ByteWriter, bytesEqual } from "../base/bytes.ts";
import { type MemberId, memberId } from "../base/ids.ts";
import { type Result, err, ok } from "../base/result.ts";
import { CONTEXT_BYTES_MAX, SEATS_MAX, VOTERS_MAX } from "./limits.ts";
import type {
  Configuration,
  ConfigurationChange,
  RaftError,
  RaftErrorCode,
  Seat,
  StatedIncarnation,
} from "./types.ts";

/** Why bytes are no configuration. */
export type ConfigurationError = {
  readonly code: "configuration-malformed";
  readonly detail: string;
};

const FORMAT_VERSION = 1;
const MEMBER_ID_BYTES_MAX = 64;

/**
 * Bytes of a configuration entry's payload. Version, then per seat: id, kind (1 voter, 2 mirror),
 * incarnation, context.
 */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const writer = new ByteWriter();
  writer.uint8(FORMAT_VERSION).list(configuration.seats, (seat) => {
    writer
      .text(seat.id)
      .uint8(seat.kind === "voter" ? 1 : 2)
      .varint(seat.incarnation)
      .bytes(seat.context);
  });
  return writer.finish();
}

/** Takes a payload apart and checks every rule of `Configuration`. Never throws. */
export function decodeConfiguration(bytes: Uint8Array): Result<Configuration, ConfigurationError> {
  const reader = new ByteReader(bytes);
  if (reader.uint8() !== FORMAT_VERSION) return malformed("unknown version");
  const seats = reader.list(SEATS_MAX, () => readSeat(reader));
  if (reader.failed || reader.remaining > 0) return malformed("cut short, too long or impossible");
  const problem = describeProblem(seats);
  return problem === null ? ok({ seats }) : malformed(problem);
}

/** Whether this member counts in majorities. */
export function isVoter(configuration: Configuration, id: MemberId): boolean {
  return seatOf(configuration, id)?.kind === "voter";
}

/** The member's seat, if it has one. */
export function seatOf(configuration: Configuration, id: MemberId): Seat | undefined {
  return configuration.seats.find((seat) => seat.id === id);
}

/** Whether an answer given under `stated` is the seat's own, and not one of its past life. */
export function isSeatOf<Held extends { readonly incarnation: number }>(
  seat: Held | undefined,
  stated: StatedIncarnation,
): seat is Held {
  return seat !== undefined && (stated === "unstated" || stated === seat.incarnation);
}

/** Ids of all voters. */
export function votersOf(configuration: Configuration): readonly MemberId[] {
  return configuration.seats.filter((seat) => seat.kind === "voter").map((seat) => seat.id);
}

/**
 * The configuration after one change.
 *
 * @param entryIndex Where the change will stand in the log: the incarnation of a seat it creates.
 */
export function changeOf(
  configuration: Configuration,
  change: ConfigurationChange,
  entryIndex: number,
): Result<Configuration, RaftError> {
  if ("context" in change) {
    assert(change.context.length <= CONTEXT_BYTES_MAX, "a context is at most 4 KiB");
  }
  const seats = changedSeats(configuration, change, entryIndex);
  if (!seats.ok) return seats;
  const voterCount = seats.value.filter((seat) => seat.kind === "voter").length;
  if (voterCount === 0) return refuse("would-leave-no-voter", "the last voter must stay");
  if (voterCount > VOTERS_MAX) return refuse("too-many-members", `${VOTERS_MAX} voters at most`);
  if (seats.value.length > SEATS_MAX) return refuse("too-many-members", `${SEATS_MAX} at most`);
  assert(describeProblem(seats.value) === null, "a change keeps the configuration well formed");
  return ok({ seats: seats.value });
}

function changedSeats(
  configuration: Configuration,
  change: ConfigurationChange,
  entryIndex: number,
): Result<readonly Seat[], RaftError> {
  const { seats } = configuration;
  const seat = seatOf(configuration, change.id);
  if (change.type === "add-mirror") {
    if (seat) return refuse("already-so", "it has a seat already");
    const added: Seat = {
      id: change.id,
      kind: "mirror",
      incarnation: entryIndex,
      context: change.context,
    };
    return ok([...seats, added].sort((a, b) => (a.id < b.id ? -1 : 1)));
  }
  if (!seat) return refuse("unknown-member", "it has no seat");
  switch (change.type) {
    case "promote":
      if (seat.kind === "voter") return refuse("already-so", "it is a voter already");
      return ok(replaceSeat(seats, { ...seat, kind: "voter" }));
    case "demote":
      if (seat.kind === "mirror") return refuse("already-so", "it is a mirror already");
      return ok(replaceSeat(seats, { ...seat, kind: "mirror" }));
    case "remove":
      return ok(seats.filter((other) => other.id !== change.id));
    case "reseat":
      return ok(replaceSeat(seats, { ...seat, kind: "mirror", incarnation: entryIndex }));
    case "set-context":
      if (bytesEqual(seat.context, change.context)) return refuse("already-so", "same context");
      return ok(replaceSeat(seats, { ...seat, context: change.context }));
    default:
      return unreachable(change);
  }
}

function replaceSeat(seats: readonly Seat[], replacement: Seat): readonly Seat[] {
  return seats.map((seat) => (seat.id === replacement.id ? replacement : seat));
}

function readSeat(reader: ByteReader): Seat {
  const id = reader.text(MEMBER_ID_BYTES_MAX);
  const kind = reader.uint8();
  const incarnation = reader.varint();
  const context = reader.bytes(CONTEXT_BYTES_MAX);
  if (!/^[!-~]{1,64}$/.test(id) || (kind !== 1 && kind !== 2)) reader.fail();
  const idOrPlaceholder = reader.failed ? memberId("-") : memberId(id);
  return { id: idOrPlaceholder, kind: kind === 1 ? "voter" : "mirror", incarnation, context };
}

/** What is wrong with the seats of a configuration entry, or null. */
function describeProblem(seats: readonly Seat[]): string | null {
  const voterCount = seats.filter((seat) => seat.kind === "voter").length;
  if (voterCount < 1 || voterCount > VOTERS_MAX) return `has ${voterCount} voters`;
  for (let i = 1; i < seats.length; i++) {
    const before = defined(seats[i - 1], "inside the list").id;
    if (before >= defined(seats[i], "inside the list").id) return "seats are not sorted by id";
  }
  return null;
}

function refuse(code: RaftErrorCode, detail: string): Result<never, RaftError> {
  return err({ code, detail });
}

function malformed(detail: string): Result<never, ConfigurationError> {
  return err({ code: "configuration-malformed", detail });
}
