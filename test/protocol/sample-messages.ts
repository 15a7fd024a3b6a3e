/** One message of every kind, with every branch of its fields; the golden frames hold these. */
import { clusterId, logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { HelloMessage } from "../../shared/protocol/hello.ts";
import type { PeerMessage } from "../../shared/protocol/messages.ts";
import type { LogEntry, RaftMessage } from "../../shared/raft/types.ts";

/** Who speaks to whom in the samples. */
export const SAMPLE_ENDS = { from: memberId("member-a"), to: memberId("member-b") };

const at = (atTerm: number, index: number) => ({ term: term(atTerm), index: logIndex(index) });
const bytes = (...values: number[]) => Uint8Array.from(values);
const raft = (message: RaftMessage): PeerMessage => ({ type: "raft", message });
const envelope = { ...SAMPLE_ENDS, term: term(7) };

const entries: readonly LogEntry[] = [
  { ...at(6, 18_204), kind: "data", payload: bytes(1, 2, 3) },
  { ...at(7, 18_205), kind: "noop", payload: bytes() },
  { ...at(7, 18_206), kind: "configuration", payload: bytes(255) },
];

const checksum = { index: logIndex(18_200), value: "0123456789abcdef" };

const hello: HelloMessage = {
  type: "hello",
  versionMin: 1,
  versionMax: 1,
  clusterId: clusterId("c1"),
  timeline: 1,
  bootId: "boot",
  memberName: "Küche ☕",
  appVersion: "0.1.0",
  listenPort: 47_017,
  http: "http://127.0.0.1:8080",
  lastIndex: logIndex(18_206),
  term: term(7),
  incarnation: "unstated",
  votedFor: "unstated",
};

/** Name of the golden file -> message, as members of the first version speak. */
const FIRST_VERSION: Readonly<Record<string, PeerMessage>> = {
  hello,
  "hello-without-http": { ...hello, http: null },
  refused: { type: "refused", code: "wrong-cluster", detail: "another cluster" },
  ping: { type: "ping", sentAtMs: 1234.5 },
  pong: { type: "pong", echoSentAtMs: 1234.5 },
  append: raft({
    type: "append",
    ...envelope,
    previous: at(6, 18_203),
    entries,
    commitIndex: logIndex(18_202),
  }),
  "append-probe": raft({
    type: "append",
    ...envelope,
    previous: at(0, 0),
    entries: [],
    commitIndex: logIndex(0),
  }),
  "append-ack": raft({
    type: "append-ack",
    incarnation: "unstated",
    ...envelope,
    accepted: true,
    matchIndex: logIndex(18_206),
  }),
  "append-ack-rejected": raft({
    type: "append-ack",
    incarnation: "unstated",
    ...envelope,
    accepted: false,
    rejectedIndex: logIndex(18_203),
    hint: at(5, 900),
  }),
  heartbeat: raft({ type: "heartbeat", ...envelope, commitIndex: logIndex(300), round: 41 }),
  "heartbeat-ack": raft({ type: "heartbeat-ack", incarnation: "unstated", ...envelope, round: 41 }),
  "vote-request": raft({
    type: "vote-request",
    ...envelope,
    preVote: true,
    last: at(6, 18_203),
    transfer: false,
  }),
  "vote-reply": raft({
    type: "vote-reply",
    incarnation: "unstated",
    ...envelope,
    preVote: false,
    granted: true,
  }),
  "timeout-now": raft({ type: "timeout-now", ...envelope }),
  "read-index": raft({ type: "read-index", ...envelope, requestId: 77 }),
  "read-index-reply": raft({
    type: "read-index-reply",
    ...envelope,
    requestId: 77,
    index: logIndex(18_206),
  }),
  "read-index-reply-unknown": raft({
    type: "read-index-reply",
    ...envelope,
    requestId: 77,
    index: null,
  }),
  beat: {
    type: "beat",
    sentAtMs: 99.25,
    wallMs: 1_795_000_000_000,
    commit: at(7, 18_206),
    logBytes: 5_000_000_000,
    checksum,
    answersMs: "unstated",
  },
  "beat-ack": {
    type: "beat-ack",
    echoSentAtMs: 99.25,
    received: logIndex(18_206),
    flushed: logIndex(18_205),
    applied: logIndex(18_200),
    checksum,
    snapshotIndex: logIndex(0),
    stampMs: null,
  },
  "snapshot-begin": {
    type: "snapshot-begin",
    transferId: 3,
    mark: { position: at(7, 18_000), configuration: bytes(9, 8, 7) },
    term: term(7),
    sizeBytes: 121_000_000,
    sha256: new Uint8Array(32).fill(0xab),
  },
  "snapshot-chunk": {
    type: "snapshot-chunk",
    transferId: 3,
    offset: 262_144,
    bytes: bytes(1, 2, 3, 4),
    crc32: null,
  },
  "snapshot-progress": { type: "snapshot-progress", transferId: 3, offset: 524_288 },
  "snapshot-end": { type: "snapshot-end", transferId: 3, outcome: "damaged" },
  "forward-request": {
    type: "forward-request",
    requestId: 12,
    method: "execute",
    params: bytes(0x7b, 0x7d),
  },
  "forward-reply": { type: "forward-reply", requestId: 12, isOk: false, body: bytes(0x7b, 0x7d) },
  addresses: {
    type: "addresses",
    members: [
      { id: memberId("member-a"), addresses: ["192.168.1.20:47017", "[fe80::1]:47017"] },
      { id: memberId("member-c"), addresses: [] },
    ],
  },
};

/** The same as members of version 2 speak, and what is new in it. */
const SECOND_VERSION: Readonly<Record<string, PeerMessage>> = {
  ...FIRST_VERSION,
  hello: { ...hello, versionMax: 2, incarnation: 18_100, votedFor: memberId("member-b") },
  "hello-without-http": {
    ...{ ...hello, versionMax: 2, http: null },
    ...{ incarnation: null, votedFor: null },
  },
  "refused-barred": { type: "refused", code: "barred", detail: "fewer entries than it had" },
  "append-ack": raft({
    type: "append-ack",
    incarnation: 18_100,
    ...envelope,
    accepted: true,
    matchIndex: logIndex(18_206),
  }),
  "append-ack-rejected": raft({
    type: "append-ack",
    incarnation: 0,
    ...envelope,
    accepted: false,
    rejectedIndex: logIndex(18_203),
    hint: at(5, 900),
  }),
  "heartbeat-ack": raft({ type: "heartbeat-ack", incarnation: null, ...envelope, round: 41 }),
  "vote-reply": raft({
    type: "vote-reply",
    incarnation: null,
    ...envelope,
    preVote: false,
    granted: false,
  }),
  beat: {
    type: "beat",
    sentAtMs: 99.25,
    wallMs: 1_795_000_000_000,
    commit: at(7, 18_206),
    logBytes: 5_000_000_000,
    checksum,
    answersMs: 12.5,
  },
  "beat-unanswered": {
    type: "beat",
    sentAtMs: 99.25,
    wallMs: 1_795_000_000_000,
    commit: at(7, 18_206),
    logBytes: 5_000_000_000,
    checksum,
    answersMs: null,
  },
  "beat-ack": {
    type: "beat-ack",
    echoSentAtMs: 99.25,
    received: logIndex(18_206),
    flushed: logIndex(18_205),
    applied: logIndex(18_200),
    checksum,
    snapshotIndex: logIndex(17_000),
    stampMs: 12.5,
  },
  "snapshot-chunk": {
    type: "snapshot-chunk",
    transferId: 3,
    offset: 262_144,
    bytes: bytes(1, 2, 3, 4),
    crc32: 0xb63c_fbcd,
  },
  "snapshot-offer": {
    type: "snapshot-offer",
    transferId: 4,
    term: term(7),
    source: memberId("member-c"),
    indexMin: logIndex(17_000),
  },
  "snapshot-request": { type: "snapshot-request", requestId: 5, indexMin: logIndex(17_000) },
  barred: {
    type: "barred",
    incarnation: 18_100,
    reason: "missing-entries",
    detail: "acknowledged 18206, has 17000",
  },
};

/** The samples of every protocol version, and the folder of `test/golden` with their bytes. */
export const SAMPLES: readonly {
  readonly version: number;
  readonly folder: string;
  readonly messages: Readonly<Record<string, PeerMessage>>;
}[] = [
  { version: 1, folder: "protocol", messages: FIRST_VERSION },
  { version: 2, folder: "protocol-2", messages: SECOND_VERSION },
];
