/** The API's methods about what is kept of the past, and what it costs. */
import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { SqlStatement } from "../../../shared/changes/values.ts";
import { retentionValues } from "../../../shared/cluster/retention.ts";
import { checkSetting } from "../../../shared/cluster/settings.ts";
import { SNAPSHOTS_KEPT_MAX } from "../log/kept-snapshots.ts";
import type { ReplicationLog } from "../log/replication-log.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { AsOfReader } from "./as-of-reader.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import type { PastState } from "./past-state.ts";
import type { ReplicaSettings } from "./replica-context.ts";
import type { WriteOutcome } from "./write-queue.ts";

type RetentionMethodsOptions = {
  readonly log: ReplicationLog;
  readonly files: SnapshotFiles;
  readonly state: PastState;
  readonly reader: AsOfReader;
  readonly cluster: ClusterSettings;
  readonly settings: ReplicaSettings;
  readonly wallMs: () => number;
  /** Writes into Tidemark's own tables, on the leader. */
  readonly write: (statement: SqlStatement) => Promise<WriteOutcome>;
};

const DAY_MS = 24 * 60 * 60 * 1000;
/** Less says nothing about a day. */
const PACE_MS_MIN = 60 * 60 * 1000;

/** One handler per method. */
export class RetentionMethods {
  readonly #options: RetentionMethodsOptions;

  constructor(options: RetentionMethodsOptions) {
    this.#options = options;
  }

  async retention(): Promise<Result<ApiResult<"retention">, ApiError>> {
    const { log, files, state, reader, cluster, settings } = this.#options;
    const from = state.readableFrom;
    const since = await reader.since();
    return ok({
      settings: retentionValues(cluster.retention),
      log: { firstIndex: log.firstIndex, lastIndex: log.lastIndex, bytes: log.bytes },
      snapshots: files.kept.map(({ mark, bodyBytes }) => {
        return { index: mark.position.index, bytes: bodyBytes };
      }),
      readableFrom: from,
      since,
      bytesPerDay: this.#pace(from, since),
      sizes: {
        retentionBytes: cluster.retention.bytes,
        snapshotAfterBytes: settings.snapshotAfterBytes,
        segmentBytes: settings.segmentBytesMax,
        imageBytes: files.latest()?.bodyBytes ?? 0,
        snapshotsMax: SNAPSHOTS_KEPT_MAX,
      },
    });
  }

  /** On the leader. */
  async change({
    key,
    value,
  }: ApiParams<"changeSetting">): Promise<Result<ApiResult<"changeSetting">, ApiError>> {
    const checked = checkSetting(key, value);
    if (!checked.ok) return checked;
    const done = await this.#options.write({
      sql: "INSERT OR REPLACE INTO _tidemark_settings(key, value) VALUES (?, ?)",
      params: [key, checked.value],
    });
    return done.ok ? ok(done.value.position) : done;
  }

  /** Bytes of log that a day has brought, as far back as can be read. */
  #pace(from: number | null, since: string | null): number | null {
    const { log, wallMs } = this.#options;
    if (from === null || since === null) return null;
    const elapsedMs = wallMs() - Date.parse(since);
    if (elapsedMs < PACE_MS_MIN) return null;
    return Math.round((log.bytesAfter(logIndex(from)) * DAY_MS) / elapsedMs);
  }
}
