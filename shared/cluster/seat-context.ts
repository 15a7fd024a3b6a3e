import { ByteReader, ByteWriter } from "../base/bytes.ts";

/** What a person may do through this member. */
export type AccessRole = "admin" | "editor" | "viewer";

/** What the configuration carries about a member besides its seat (`Seat.context`). */
export type SeatContext = {
  /** Shown everywhere; 1 to 64 characters. */
  readonly name: string;
  readonly access: AccessRole;
  /** Whether the autopilot may give it a vote; false: it stays a mirror. */
  readonly wantsVote: boolean;
};

const FORMAT = 1;
const NAME_BYTES_MAX = 256;
const ACCESS: readonly AccessRole[] = ["admin", "editor", "viewer"];

/** Bytes for `Seat.context`. */
export function encodeSeatContext(context: SeatContext): Uint8Array {
  return new ByteWriter(64)
    .uint8(FORMAT)
    .text(context.name)
    .uint8(ACCESS.indexOf(context.access))
    .boolean(context.wantsVote)
    .finish();
}

/**
 * Reads `Seat.context`. Bytes of a newer format give what is understood of them; unreadable
 * ones give a nameless viewer without a vote, the least anybody may be.
 */
export function decodeSeatContext(bytes: Uint8Array): SeatContext {
  const reader = new ByteReader(bytes);
  const format = reader.uint8();
  const name = reader.text(NAME_BYTES_MAX);
  const access = ACCESS[reader.uint8()];
  const wantsVote = reader.boolean();
  if (reader.failed || format < FORMAT || access === undefined) {
    return { name: "", access: "viewer", wantsVote: false };
  }
  return { name, access, wantsVote };
}
