/**
 * `cluster.json`: which cluster this data folder belongs to, and what a member must know before
 * it has read a single log entry: where the log began and who may connect.
 */
import { hexDecode, hexEncode } from "../../../shared/base/bytes.ts";
import { clusterId, memberId } from "../../../shared/base/ids.ts";
import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { decodeConfiguration, encodeConfiguration } from "../../../shared/raft/configuration.ts";
import type { Configuration } from "../../../shared/raft/types.ts";

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
};

const FORMAT = 1;

/** Plain JSON for the file. */
export function clusterRecordToJson(record: ClusterRecord): Record<string, unknown> {
  return {
    format: FORMAT,
    id: record.id,
    name: record.name,
    timeline: record.timeline,
    memberName: record.memberName,
    initial: hexEncode(encodeConfiguration(record.initial)),
    known: record.known,
  };
}

/** Reads the file's JSON; the error is one sentence. */
export function parseClusterRecord(json: unknown): Result<ClusterRecord, string> {
  if (typeof json !== "object" || json === null) return err("cluster.json is not an object");
  const fields = json as Record<string, unknown>;
  const { format, id, name, timeline, memberName, initial, known } = fields;
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
  });
}
