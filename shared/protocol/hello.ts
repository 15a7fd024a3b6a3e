/**
 * The first words on a connection: who runs what, in which cluster, and whether that fits.
 * Both sides send `hello` at once; `refused` answers one that does not fit, and ends it.
 *
 * These two messages are understood by every version for ever, so their fields only grow.
 */
import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import type { ClusterId, LogIndex, Term } from "../base/ids.ts";
import { FRAME_TYPE, readClusterId, readIndex, readTerm, readWord } from "./fields.ts";
import {
  APP_VERSION_BYTES_MAX,
  DETAIL_BYTES_MAX,
  ID_BYTES_MAX,
  NAME_BYTES_MAX,
  URL_BYTES_MAX,
} from "./limits.ts";

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
};

const REFUSAL_CODES = [
  "version-mismatch",
  "wrong-cluster",
  "not-a-member",
  "duplicate-identity",
] as const;

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
    lastIndex: readIndex(reader),
    term: readTerm(reader),
  };
}

/** Appends the frame. */
export function writeRefused(writer: ByteWriter, message: RefusedMessage): void {
  writer.uint8(FRAME_TYPE.refused).uint8(REFUSAL_CODES.indexOf(message.code)).text(message.detail);
}

/** The frame after its type byte. */
export function readRefused(reader: ByteReader): RefusedMessage {
  return {
    type: "refused",
    code: readWord(reader, REFUSAL_CODES),
    detail: reader.text(DETAIL_BYTES_MAX),
  };
}
