/** One message of every kind, with every branch of its fields; the golden frames hold these. */
import { clusterId, logIndex, memberId, term } from "../../shared/base/ids.ts";
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

const hello: PeerMessage = {
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
};

/** Name of the golden file -> message. */
export const SAMPLE_MESSAGES: Readonly<Record<string, PeerMessage>> = {
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
    ...envelope,
    accepted: true,
    matchIndex: logIndex(18_206),
  }),
  "append-ack-rejected": raft({
    type: "append-ack",
    ...envelope,
    accepted: false,
    rejectedIndex: logIndex(18_203),
    hint: at(5, 900),
  }),
  heartbeat: raft({ type: "heartbeat", ...envelope, commitIndex: logIndex(300), round: 41 }),
  "heartbeat-ack": raft({ type: "heartbeat-ack", ...envelope, round: 41 }),
  "vote-request": raft({
    type: "vote-request",
    ...envelope,
    preVote: true,
    last: at(6, 18_203),
    transfer: false,
  }),
  "vote-reply": raft({ type: "vote-reply", ...envelope, preVote: false, granted: true }),
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
  },
  "beat-ack": {
    type: "beat-ack",
    echoSentAtMs: 99.25,
    received: logIndex(18_206),
    flushed: logIndex(18_205),
    applied: logIndex(18_200),
    checksum,
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
