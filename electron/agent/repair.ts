/**
 * `tidemark repair`: shows what is damaged in a data folder, and lets the owner of a computer that
 * is alone accept the loss. Where other computers hold the data nothing is ever accepted: they
 * fill the folder again when it is started.
 */
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import { describeRange } from "./log/damage.ts";
import type { DamageReport } from "./log/damage.ts";
import { keepGoodPart } from "./log/keep-good-part.ts";
import { ReplicationLog } from "./log/replication-log.ts";
import type { LogOpenError } from "./log/log-error.ts";
import type { LogOptions } from "./log/log-options.ts";
import { SnapshotFiles } from "./log/snapshots.ts";
import type { ClusterRecord } from "./members/cluster-record.ts";
import { openFolder } from "./open-folder.ts";
import type { FolderError, OpenedFolder } from "./open-folder.ts";
import { NodeClock } from "./platform/node-clock.ts";
import type { Logger } from "./ports.ts";
import { newestSeat } from "./replica/newest-configuration.ts";
import { SNAPSHOT_FOLDER } from "./replica/open-files.ts";
import { LOG_FOLDER, coveredBy, hasOthers } from "./replica/open-log.ts";

/** What was found, and what was done about it. */
export type RepairOutcome = {
  /** `whole`: nothing to do. `needs-others`: start it; it is filled again once another one leads. */
  readonly state: "whole" | "damaged" | "needs-others" | "repaired";
  /** One sentence per damaged place. */
  readonly damage: readonly string[];
  /** Log index up to which everything can be read, and the highest of which anything is known. */
  readonly readableUpTo: number;
  readonly knownUpTo: number;
  /** Where the damaged files are kept, inside the data folder; null while nothing was moved. */
  readonly putAside: string | null;
};

/** The command prints what it has to say; nothing goes to a log file. */
const SILENT: Logger = { info: () => undefined, warn: () => undefined };

/** Looks, and with `isLossAccepted` goes on with what is whole. The agent must not run. */
export async function repairIn(options: {
  readonly dataFolder: string;
  readonly isLossAccepted: boolean;
}): Promise<Result<RepairOutcome, FolderError>> {
  const clock = new NodeClock();
  const opened = await openFolder(options.dataFolder, () => clock.nowMs());
  if (!opened.ok) return opened;
  try {
    const { record } = opened.value.folder;
    if (record !== null) return await repairOpened(opened.value, record, options.isLossAccepted);
    const message = `The data folder ${options.dataFolder} belongs to no workspace.`;
    return err({ code: "no-cluster", message });
  } finally {
    await opened.value.release();
  }
}

async function repairOpened(
  opened: OpenedFolder,
  record: ClusterRecord,
  isLossAccepted: boolean,
): Promise<Result<RepairOutcome, FolderError>> {
  const { disk } = opened;
  const looked = await SnapshotFiles.look({ disk, folder: SNAPSHOT_FOLDER });
  if (!looked.ok) return failed(looked.error);
  const { newest: snapshot, damagedPaths } = looked.value;
  const place = {
    disk,
    folder: LOG_FOLDER,
    self: opened.folder.self,
    logger: SILENT,
    ...coveredBy(snapshot),
  };
  const found = await ReplicationLog.openSalvage(place);
  if (!found.ok) return failed(found.error);
  const { log, damage } = found.value;
  const isAlone = !hasOthers({ record, self: place.self });
  const told = damagedPaths.map(
    (path) => `${path}: not what was stored; an older state stands in for it`,
  );
  const logged = outcomeOf(damage, { record, isAlone }, log.lastIndex);
  const outcome = { ...logged, damage: [...logged.damage, ...told] };
  if (outcome.state === "whole" || !isLossAccepted || !isAlone) {
    await log.close();
    return outcome.state !== "whole" && isLossAccepted ? err(NOTHING_TO_GIVE_UP) : ok(outcome);
  }
  const seat = newestSeat(place.self, record.initial, { log, snapshot });
  await log.close();
  return accept(opened, { place, record, outcome, seat: seat.incarnation });
}

const NOTHING_TO_GIVE_UP: FolderError = {
  code: "bad-request",
  message:
    "Other computers belong to this workspace and may hold this data, so nothing is given up: " +
    "start this one (tidemark serve); it is filled again as soon as one of them leads.",
};

type Found = {
  readonly place: LogOptions;
  readonly record: ClusterRecord;
  readonly outcome: RepairOutcome;
  /** Incarnation of this member's seat in the newest configuration found. */
  readonly seat: number | null;
};

function outcomeOf(
  damage: DamageReport | null,
  { record, isAlone }: { readonly record: ClusterRecord; readonly isAlone: boolean },
  lastIndex: number,
): RepairOutcome {
  const isGivenUp = record.withdrawal !== null;
  const known = { readableUpTo: lastIndex, knownUpTo: damage?.highestIndex ?? lastIndex };
  const places = damage?.ranges.map(describeRange) ?? [];
  const told = isGivenUp && places.length === 0 ? [record.withdrawal.detail] : places;
  const state = damage === null && !isGivenUp ? "whole" : "damaged";
  return {
    state: state === "damaged" && !isAlone ? "needs-others" : state,
    damage: told,
    ...known,
    putAside: null,
  };
}

async function accept(
  opened: OpenedFolder,
  { place, record, outcome, seat: incarnation }: Found,
): Promise<Result<RepairOutcome, FolderError>> {
  if (incarnation === null) {
    return err({ code: "log-damaged", message: "What is left names no seat of this computer." });
  }
  const kept = await keepGoodPart({ ...place, incarnation });
  if (!kept.ok) return failed(kept.error);
  const noted = await noteAllCommitted(place);
  if (!noted.ok) return failed(noted.error);
  const saved = await opened.folder.saveRecord({ ...record, begun: true, withdrawal: null });
  if (!saved.ok) return failed(saved.error);
  return ok({ ...outcome, state: "repaired", putAside: kept.value.folder });
}

/**
 * Whoever is alone has committed all that it holds. Unless that is noted, the next start shows
 * nothing of it until this member leads again.
 */
async function noteAllCommitted(place: LogOptions): Promise<Result<null, LogOpenError>> {
  const opened = await ReplicationLog.open(place);
  if (!opened.ok) return opened;
  const { log } = opened.value;
  log.noteCommitted(log.lastIndex);
  await log.close();
  return ok(null);
}

function failed(error: { readonly code: string; readonly detail: string }): {
  readonly ok: false;
  readonly error: FolderError;
} {
  return err({ code: error.code, message: `The data folder cannot be read: ${error.detail}.` });
}
