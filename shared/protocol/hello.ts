/**
 * The first words on a connection: who runs what, in which cluster, and whether that fits.
 * Both sides send `hello` at once; `refused` answers one that does not fit, and ends it.
 *
 * These two messages are understood by every version for ever, so their fields only grow.
 */
import { assert } from "../base/assert.ts";
import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import type { ClusterId, LogIndex, MemberId, Term } from "../base/ids.ts";
import {
  FRAME_TYPE,
  readClusterId,
  readIncarnation,
  readIndex,
  readMemberId,
  readTerm,
  readWord,
  writeIncarnation,
} from "./fields.ts";
import type { Stated } from "./fields.ts";
import {
  APP_VERSION_BYTES_MAX,
  DETAIL_BYTES_MAX,
  ID_BYTES_MAX,
  NAME_BYTES_MAX,
  URL_BYTES_MAX,
} from "./limits.ts";
import { VERSION_WITH_INCARNATIONS } from "./version.ts";

/** Sent once by each side, as its first frame. */
export type HelloMessage = {
  readonly type: "hello";
  readonly versionMin: number;
  readonly versionMax: number;
  readonly clusterId: ClusterId;
  readonly timeline: number;
  /** Random per process start: two live ones of one member mean a cloned data folder. */
  readonly bootId: string;
  readonly memberName: string;
  readonly appVersion: string;
  /** Port this member listens on for others; 0 when it does not. */
  readonly listenPort: number;
  /** URL of its own UI; only of use on the same computer. */
  readonly http: string | null;
  readonly lastIndex: LogIndex;
  readonly term: Term;
  /** The incarnation of its seat for which its disk vouches. Since version 2. */
  readonly incarnation: Stated<number>;
  /** Whom it voted for in `term`. Since version 2. */
  readonly votedFor: Stated<MemberId>;
};

const REFUSAL_CODES = [
  "version-mismatch",
  "wrong-cluster",
  "not-a-member",
  "duplicate-identity",
  "barred",
] as const;

/**
 * How many of the codes the first version knows. A later one is sent as the known one that comes
 * nearest, with its own behind the text, where the first version does not look.
 */
const FIRST_CODE_COUNT = 4;
const NEAREST_FIRST_CODE = REFUSAL_CODES.indexOf("duplicate-identity");

/** Why a connection does not come about. */
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** The last frame before the sender closes, so that both sides can show the reason. */
export type RefusedMessage = {
  readonly type: "refused";
  readonly code: RefusalCode;
  readonly detail: string;
};

/** Appends the frame. */
export function writeHello(writer: ByteWriter, message: HelloMessage): void {
  writer
    .uint8(FRAME_TYPE.hello)
    .varint(message.versionMin)
    .varint(message.versionMax)
    .text(message.clusterId)
    .varint(message.timeline)
    .text(message.bootId)
    .text(message.memberName)
    .text(message.appVersion)
    .varint(message.listenPort)
    .boolean(message.http !== null)
    .text(message.http ?? "")
    .varint(message.lastIndex)
    .varint(message.term);
  // Before anything is agreed on, the range tells what the rest of the frame is.
  if (message.versionMax < VERSION_WITH_INCARNATIONS) return;
  writeIncarnation(writer, message.incarnation);
  assert(message.votedFor !== "unstated", "who speaks this version states its vote");
  writer.boolean(message.votedFor !== null);
  if (message.votedFor !== null) writer.text(message.votedFor);
}

/** The frame after its type byte. */
export function readHello(reader: ByteReader): HelloMessage {
  const versions = { versionMin: reader.varint(), versionMax: reader.varint() };
  const cluster = readClusterId(reader);
  const timeline = reader.varint();
  const bootId = reader.text(ID_BYTES_MAX);
  const memberName = reader.text(NAME_BYTES_MAX);
  const appVersion = reader.text(APP_VERSION_BYTES_MAX);
  const listenPort = reader.varint();
  if (listenPort > 65_535 || bootId === "") reader.fail();
  const hasHttp = reader.boolean();
  const http = reader.text(URL_BYTES_MAX);
  const position = { lastIndex: readIndex(reader), term: readTerm(reader) };
  return {
    type: "hello",
    ...versions,
    clusterId: cluster,
    timeline,
    bootId,
    memberName,
    appVersion,
    listenPort,
    http: hasHttp ? http : null,
    ...position,
    ...readPromises(reader, versions.versionMax),
  };
}

function readPromises(
  reader: ByteReader,
  versionMax: number,
): Pick<HelloMessage, "incarnation" | "votedFor"> {
  if (versionMax < VERSION_WITH_INCARNATIONS) {
    return { incarnation: "unstated", votedFor: "unstated" };
  }
  const incarnation = readIncarnation(reader);
  return { incarnation, votedFor: reader.boolean() ? readMemberId(reader) : null };
}

/** Appends the frame. */
export function writeRefused(writer: ByteWriter, message: RefusedMessage): void {
  const code = REFUSAL_CODES.indexOf(message.code);
  const isFirst = code < FIRST_CODE_COUNT;
  writer
    .uint8(FRAME_TYPE.refused)
    .uint8(isFirst ? code : NEAREST_FIRST_CODE)
    .text(message.detail);
  if (!isFirst) writer.uint8(code);
}

/** The frame after its type byte. */
export function readRefused(reader: ByteReader): RefusedMessage {
  const code = readWord(reader, REFUSAL_CODES);
  const detail = reader.text(DETAIL_BYTES_MAX);
  if (reader.remaining === 0) return { type: "refused", code, detail };
  // One that a still later version added is shown as the known one that was sent with it.
  return { type: "refused", code: REFUSAL_CODES[reader.uint8()] ?? code, detail };
}
