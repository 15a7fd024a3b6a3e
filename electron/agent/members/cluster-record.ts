/**
 * `cluster.json`: which cluster this data folder belongs to, and what a member must know before
 * it has read a single log entry: where the log began and who may connect.
 */
import { crc32 } from "node:zlib";
import { hexDecode, hexEncode, utf8Encode } from "../../../shared/base/bytes.ts";
import { clusterId, memberId } from "../../../shared/base/ids.ts";
import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { SeatReason } from "../../../shared/cluster/status.ts";
import { decodeConfiguration, encodeConfiguration } from "../../../shared/raft/configuration.ts";
import type { Configuration } from "../../../shared/raft/types.ts";

/** That this member gave up its seat's promises; kept until it has a new incarnation. */
export type Withdrawal = {
  /** The incarnation that was given up; null when it is not known any more. */
  readonly incarnation: number | null;
  readonly reason: SeatReason;
  /** One sentence: what was found. */
  readonly detail: string;
  /** ms since 1970 by this member's wall clock. */
  readonly atMs: number;
};

/** The content of `cluster.json`. */
export type ClusterRecord = {
  readonly id: ClusterId;
  readonly name: string;
  /** Counts forced promotions; 1 at the beginning. */
  readonly timeline: number;
  /** This member's name as it called itself when it created or joined. */
  readonly memberName: string;
  /** The configuration before the first log entry (founder), or at the time of joining. */
  readonly initial: Configuration;
  /**
   * Members whose connections are taken although the log read so far does not name them: a
   * newcomer replays old configurations that do not know today's leader.
   */
  readonly known: readonly MemberId[];
  /**
   * Whether this folder ever promised anything: stored durably before the first vote or
   * acknowledgement, so an empty log beside it is a lost one. null: written by a version that did
   * not note it.
   */
  readonly begun: boolean | null;
  /** Not null: no vote and no acknowledgement leaves this folder until it has a new incarnation. */
  readonly withdrawal: Withdrawal | null;
};

/** What changes in a record while its member runs. */
export type RecordChanges = Partial<Pick<ClusterRecord, "known" | "begun" | "withdrawal">>;

const FORMAT = 1;
const REASONS: readonly SeatReason[] = [
  "wiped",
  "damaged",
  "older-term",
  "missing-entries",
  "forgotten-vote",
  "superseded",
  "copy",
  "withdrawn",
];

/** Plain JSON for the file. */
export function clusterRecordToJson(record: ClusterRecord): Record<string, unknown> {
  const fields = {
    format: FORMAT,
    id: record.id,
    name: record.name,
    timeline: record.timeline,
    memberName: record.memberName,
    initial: hexEncode(encodeConfiguration(record.initial)),
    known: record.known,
    ...(record.begun === null ? {} : { begun: record.begun }),
    ...(record.withdrawal === null ? {} : { withdrawal: record.withdrawal }),
  };
  return { ...fields, checksum: checksumOf(fields) };
}

/** Of everything else in the file, in its order: a wrong digit must not be believed. */
function checksumOf(fields: Readonly<Record<string, unknown>>): string {
  return crc32(utf8Encode(JSON.stringify(fields)))
    .toString(16)
    .padStart(8, "0");
}

/** Reads the file's JSON; the error is one sentence. */
export function parseClusterRecord(json: unknown): Result<ClusterRecord, string> {
  if (typeof json !== "object" || json === null) return err("cluster.json is not an object");
  const fields = json as Record<string, unknown>;
  const { format, id, name, timeline, memberName, initial, known } = fields;
  if (!isAsWritten(fields)) return err("cluster.json is not what was stored");
  if (format !== FORMAT) return err(`cluster.json has format ${String(format)}, not ${FORMAT}`);
  if (typeof id !== "string" || typeof name !== "string" || typeof memberName !== "string") {
    return err("cluster.json lacks id, name or memberName");
  }
  if (typeof timeline !== "number" || typeof initial !== "string" || !Array.isArray(known)) {
    return err("cluster.json lacks timeline, initial or known");
  }
  const bytes = hexDecode(initial);
  const configuration = bytes === null ? null : decodeConfiguration(bytes);
  if (configuration === null || !configuration.ok) {
    return err("cluster.json holds an unreadable configuration");
  }
  return ok({
    id: clusterId(id),
    name,
    timeline,
    memberName,
    initial: configuration.value,
    known: known.filter((each) => typeof each === "string").map(memberId),
    begun: typeof fields["begun"] === "boolean" ? fields["begun"] : null,
    withdrawal: parseWithdrawal(fields["withdrawal"]),
  });
}

/** Files of former versions have no checksum. */
function isAsWritten(json: Readonly<Record<string, unknown>>): boolean {
  const { checksum, ...fields } = json;
  return checksum === undefined || checksum === checksumOf(fields);
}

/** What cannot be read still bars: a withdrawal is never lost by being damaged. */
function parseWithdrawal(json: unknown): Withdrawal | null {
  if (json === undefined || json === null) return null;
  const fields = typeof json === "object" ? (json as Record<string, unknown>) : {};
  const { incarnation, reason, detail, atMs } = fields;
  return {
    incarnation: Number.isSafeInteger(incarnation) ? (incarnation as number) : null,
    reason: REASONS.find((each) => each === reason) ?? "withdrawn",
    detail: typeof detail === "string" ? detail : "the reason was not kept",
    atMs: Number.isFinite(atMs) ? (atMs as number) : 0,
  };
}
