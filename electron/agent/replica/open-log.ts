/**
 * Opens the replication log in whatever state it is found: as it is, or, when bytes of it are
 * wrong, as far as it is whole.
 *
 * With other members the damaged files are put aside and the rest is filled from them; that this
 * disk vouches for nothing is noted durably before anything is moved. Alone there is nobody to
 * fill it from: nothing on the disk is touched, and what can be read is read.
 */
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { describeRange } from "../log/damage.ts";
import type { DamageReport } from "../log/damage.ts";
import { keepGoodPart } from "../log/keep-good-part.ts";
import type { LogOpenError } from "../log/log-error.ts";
import { moveAside } from "../log/move-aside.ts";
import { ReplicationLog } from "../log/replication-log.ts";
import type { LogOptions, OpenedLog } from "../log/replication-log.ts";
import type { LoadedSnapshot } from "../log/snapshots.ts";
import type { Withdrawal } from "../members/cluster-record.ts";
import type { ReplicaOptions } from "./replica-context.ts";

/** Why a member does not start: one code, one sentence. */
export type OpenFailure = { readonly code: string; readonly detail: string };

/** Where log, term and vote are, inside the data folder. */
export const LOG_FOLDER = "log";

/** An opened log, and what was wrong with it. */
export type FoundLog = Omit<OpenedLog, "report"> & {
  /** One sentence; null when the log that is open is whole and may be written. */
  readonly damage: string | null;
  /** What was noted before damaged files were put aside; else what the record said. */
  readonly withdrawal: Withdrawal | null;
};

/** Places told of a damaged log at most: a broken disk may have thousands. */
const RANGES_TOLD_MAX = 3;

/** See the top of the file. */
export async function openLog(
  options: ReplicaOptions,
  snapshot: LoadedSnapshot | null,
): Promise<Result<FoundLog, OpenFailure>> {
  const { withdrawal } = options.record;
  const place = logOptions(options, snapshot);
  const opened = await ReplicationLog.open(place);
  if (opened.ok) return ok({ ...opened.value, damage: null, withdrawal });
  const { error } = opened;
  if (error.code !== "log-damaged") return err(failureOf(error));
  const damage = describeDamage(error.damage);
  return hasOthers(options) ? startOver(options, place, damage) : salvage(options, place, damage);
}

/** Whether there are other members, as far as this folder knows. */
export function hasOthers({ record, self }: Pick<ReplicaOptions, "record" | "self">): boolean {
  // Not whom the folder began with: of those who were removed since nothing can be fetched.
  return record.known.some((id) => id !== self);
}

/** The damaged places and what is left, in one sentence. */
export function describeDamage({ ranges, goodPrefix, highestIndex }: DamageReport): string {
  const told = ranges.slice(0, RANGES_TOLD_MAX).map(describeRange).join("; ");
  const more = ranges.length - RANGES_TOLD_MAX;
  const others = more > 0 ? ` and ${more} more places` : "";
  const whole = `changes up to ${goodPrefix.last.index} of ${highestIndex} can be read`;
  return `${told}${others}; ${whole}`;
}

/** What every opening of the log has in common. */
function logOptions(options: ReplicaOptions, snapshot: LoadedSnapshot | null): LogOptions {
  const faults = options.faults?.log;
  return {
    ...coveredBy(snapshot),
    disk: options.ports.disk,
    folder: LOG_FOLDER,
    self: options.self,
    logger: options.ports.logger,
    wallMs: () => options.ports.clock.wallMs(),
    segmentBytesMax: options.settings.segmentBytesMax,
    onReadError: (error) => options.onBroken(error.message),
    ...(faults === undefined ? {} : { faults }),
  };
}

/** What a snapshot that was read whole stands in for need not be whole in the log. */
export function coveredBy(
  snapshot: LoadedSnapshot | null,
): Pick<LogOptions, "covered" | "snapshotIndex"> {
  if (snapshot === null) return { snapshotIndex: 0 };
  const { position } = snapshot.mark;
  return { snapshotIndex: position.index, covered: { position, chainHash: snapshot.chainHash } };
}

/**
 * A whole log that nothing can be built on: what came before it is gone. With other members it is
 * put aside, and this disk vouches for nothing, as if the log itself were damaged. Alone the
 * snapshot that is left is read, and the log stays where it is.
 */
export async function openWithout(
  useless: ReplicationLog,
  options: ReplicaOptions,
  at: { readonly snapshot: LoadedSnapshot | null; readonly damage: string },
): Promise<Result<FoundLog, OpenFailure>> {
  await useless.close();
  const { snapshot, damage } = at;
  return hasOthers(options)
    ? startOver(options, logOptions(options, null), damage, "nothing")
    : salvage(options, logOptions(options, snapshot), damage);
}

async function startOver(
  options: ReplicaOptions,
  place: LogOptions,
  damage: string,
  keeping: "what-is-whole" | "nothing" = "what-is-whole",
): Promise<Result<FoundLog, OpenFailure>> {
  const { clock, logger } = options.ports;
  const before = options.record.withdrawal;
  // Which incarnation it was is not asked of a damaged disk: none that was ever held counts.
  const withdrawal: Withdrawal = {
    incarnation: null,
    reason: "damaged",
    detail: damage,
    atMs: before?.atMs ?? clock.wallMs(),
  };
  const noted = await options.saveRecord({ withdrawal });
  if (!noted.ok) return err(noted.error);
  // What is whole saves sending it again; where it cannot be kept, all of it is put aside.
  const kept = keeping === "nothing" ? null : await keepGoodPart({ ...place, incarnation: null });
  const aside = kept?.ok === true ? ok(kept.value.folder) : await moveAside(place);
  if (!aside.ok) return err(failureOf(aside.error));
  logger.warn("log-put-aside", { damage, folder: aside.value });
  const opened = await ReplicationLog.open(place);
  if (!opened.ok) return err(failureOf(opened.error));
  return ok({ ...opened.value, damage: null, withdrawal });
}

async function salvage(
  options: ReplicaOptions,
  place: LogOptions,
  damage: string,
): Promise<Result<FoundLog, OpenFailure>> {
  const opened = await ReplicationLog.openSalvage(place);
  if (!opened.ok) return err(failureOf(opened.error));
  const { log, hardState } = opened.value;
  const { withdrawal } = options.record;
  // Whoever is alone has committed whatever it stored.
  const commitIndex = log.lastIndex;
  return ok({ log, hardState, storedIncarnation: null, commitIndex, damage, withdrawal });
}

function failureOf(error: LogOpenError): OpenFailure {
  return { code: error.code, detail: error.detail };
}
