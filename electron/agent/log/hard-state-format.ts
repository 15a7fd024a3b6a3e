/**
 * The 128 bytes of one copy of term, vote and held incarnation. Pure; the table is in DESIGN.md
 * beside this file. Version 1 had neither incarnation nor owner and is read for ever.
 */
import { crc32 } from "node:zlib";
import { assert } from "../../../shared/base/assert.ts";
import { utf8Decode, utf8Encode } from "../../../shared/base/bytes.ts";
import { memberId, term } from "../../../shared/base/ids.ts";
import type { HardState } from "../../../shared/raft/types.ts";
import { OWNER_TAG_BYTES, isOwn } from "./owner-tag.ts";
import { getUint53, hasMagic, setMagic, setUint53 } from "./record-format.ts";

/** Size of a copy, in every version. */
export const HARD_STATE_BYTES = 128;

const MAGIC = "TIDEVOTE";
const VERSION = 2;
const CRC_AT = HARD_STATE_BYTES - 4;
const ID_AT = 33;
const ID_BYTES_MAX = 64;
const INCARNATION_AT = 100;
const OWNER_AT = 108;

/**
 * What a copy says about the incarnation: a number, null for none held, `unknown` when a version
 * wrote it that kept none, `missing` when nothing was ever saved.
 */
export type StoredIncarnation = number | null | "unknown" | "missing";

/** A state and how many were saved before it. */
export type NumberedState = {
  readonly sequence: number;
  /** Its `incarnation` is null where `stored` is not a number. */
  readonly state: HardState;
  readonly stored: StoredIncarnation;
};

/** The bytes of one copy, of the newest version. @param owner See owner-tag.ts. */
export function encodeHardState(
  numbered: Pick<NumberedState, "sequence" | "state">,
  owner: Uint8Array,
): Uint8Array {
  const { sequence, state } = numbered;
  const bytes = new Uint8Array(HARD_STATE_BYTES);
  const view = new DataView(bytes.buffer);
  const id = utf8Encode(state.votedFor ?? "");
  assert(id.length <= ID_BYTES_MAX, "a member id has at most 64 bytes");
  setMagic(bytes, MAGIC);
  view.setUint32(8, VERSION, true);
  setUint53(view, 16, sequence);
  setUint53(view, 24, state.term);
  view.setUint8(32, id.length);
  bytes.set(id, ID_AT);
  setUint53(view, INCARNATION_AT, state.incarnation === null ? 0 : state.incarnation + 1);
  bytes.set(owner, OWNER_AT);
  view.setUint32(CRC_AT, crc32(bytes.subarray(0, CRC_AT)), true);
  return bytes;
}

/** `damaged` for bytes that are no whole copy, `foreign` for another member's. */
export function decodeHardState(
  bytes: Uint8Array,
  owner: Uint8Array,
): NumberedState | "too-new" | "damaged" | "foreign" {
  if (bytes.length !== HARD_STATE_BYTES || !hasMagic(bytes, MAGIC)) return "damaged";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(bytes.subarray(0, CRC_AT)) !== view.getUint32(CRC_AT, true)) return "damaged";
  const version = view.getUint32(8, true);
  if (version > VERSION) return "too-new";
  const sequence = getUint53(view, 16);
  const stateTerm = getUint53(view, 24);
  const votedFor = readVote(bytes, view.getUint8(32));
  const stored = version === 1 ? "unknown" : readIncarnation(view);
  if (sequence === null || stateTerm === null || votedFor === undefined) return "damaged";
  if (stored === undefined) return "damaged";
  if (!isOwn(bytes.subarray(OWNER_AT, OWNER_AT + OWNER_TAG_BYTES), owner)) return "foreign";
  const incarnation = typeof stored === "number" ? stored : null;
  const state = { term: term(stateTerm), votedFor, incarnation };
  return { sequence, state, stored: sequence === 0 ? "missing" : stored };
}

/** undefined when it is no vote. */
function readVote(bytes: Uint8Array, idBytes: number): HardState["votedFor"] | undefined {
  if (idBytes > ID_BYTES_MAX) return undefined;
  const id = utf8Decode(bytes.subarray(ID_AT, ID_AT + idBytes));
  if (id === null || !/^[!-~]*$/.test(id)) return undefined;
  return id === "" ? null : memberId(id);
}

function readIncarnation(view: DataView): number | null | undefined {
  const stored = getUint53(view, INCARNATION_AT);
  if (stored === null) return undefined;
  return stored === 0 ? null : stored - 1;
}
