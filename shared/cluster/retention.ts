/**
 * How much of the past a workspace keeps: the settings, and what they cost on each computer's disk.
 *
 * Both are least amounts. The log reaches back to the newest snapshot before the window, because from there
 * the past is read, so more is kept than was asked for: see `diskUseMax`.
 */
import { err, ok, type Result } from "../base/result.ts";

const MIB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The window of log that is kept, whichever is reached first. */
export type Retention = { readonly bytes: number; readonly ms: number };

/** Names of the settings, as the command line has them. */
export type RetentionKey = "retention-mib" | "retention-days";

/** What a setting may be. */
export const RETENTION_LIMITS: Readonly<
  Record<RetentionKey, { readonly min: number; readonly max: number }>
> = {
  "retention-mib": { min: 8, max: 16_384 },
  "retention-days": { min: 1, max: 3_650 },
};

/** Whether a text names one of these settings. */
export function isRetentionKey(text: string): text is RetentionKey {
  return Object.hasOwn(RETENTION_LIMITS, text);
}

/** Judges a value; the error is a sentence. */
export function checkRetention(key: RetentionKey, value: number): Result<number, string> {
  const { min, max } = RETENTION_LIMITS[key];
  if (Number.isSafeInteger(value) && value >= min && value <= max) return ok(value);
  return err(`${key} is a whole number from ${min} to ${max}.`);
}

/**
 * The retention with the stored settings in it.
 *
 * @param stored Key and value as the log has them; what is not understood is left out.
 */
export function retentionWith(
  defaults: Retention,
  stored: Iterable<readonly [string, string]>,
): Retention {
  let { bytes, ms } = defaults;
  for (const [key, text] of stored) {
    if (!isRetentionKey(key)) continue;
    const checked = checkRetention(key, Number(text));
    if (!checked.ok) continue;
    if (key === "retention-mib") bytes = checked.value * MIB;
    else ms = checked.value * DAY_MS;
  }
  return { bytes, ms };
}

/** The settings as people write them. */
export function retentionValues({ bytes, ms }: Retention): Readonly<Record<RetentionKey, number>> {
  return { "retention-mib": Math.round(bytes / MIB), "retention-days": Math.round(ms / DAY_MS) };
}

/** What the bound on disk is computed from. */
export type KeptSizes = {
  readonly retentionBytes: number;
  /** Log between two snapshots. */
  readonly snapshotAfterBytes: number;
  /** The log goes by files of this size. */
  readonly segmentBytes: number;
  /** Of the newest snapshot. */
  readonly imageBytes: number;
  readonly snapshotsMax: number;
};

/**
 * The most that log and snapshots take with a retention in bytes and a database of today's size. Behind the
 * newest snapshot before the window lies at most one more window; `kept-snapshots.ts` says why.
 */
export function diskUseMax(sizes: KeptSizes): { readonly log: number; readonly snapshots: number } {
  const { retentionBytes, snapshotAfterBytes, segmentBytes, imageBytes, snapshotsMax } = sizes;
  return {
    log: 2 * retentionBytes + snapshotAfterBytes + segmentBytes,
    // One more while it is being written.
    snapshots: (snapshotsMax + 1) * imageBytes,
  };
}
