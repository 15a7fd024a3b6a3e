import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import { joinPath } from "../log/folders.ts";
import { askStore } from "./ask-store.ts";
import { SNAPSHOT_FOLDER } from "./open-files.ts";
import { hasOthers } from "./open-log.ts";
import type { Parts, PartsBase } from "./parts-types.ts";
import type { ReplicaOptions } from "./replica-context.ts";
import { Troubles } from "./troubles.ts";

const ASK_WAIT_MS = 2_000;
const SNAPSHOT_END = ".snap";
const ASIDE_END = ".diverged";
/** Images put aside at most: whoever needs more has another trouble than a wrong image. */
const ASIDE_COUNT_MAX = 6;

type Needed = Pick<
  Parts,
  "storage" | "recovery" | "applier" | "driver" | "forwarder" | "links" | "administration"
>;

/** Connects `troubles.ts`. */
export function makeTroubles({ options, files, replica }: PartsBase, parts: Needed): Troubles {
  const { clock, logger, store } = options.ports;
  const { storage, recovery, applier, driver, forwarder, links, administration } = parts;
  const peers = (): readonly MemberId[] => [...links.peers().keys()];
  return new Troubles({
    ...{ clock, logger, storage, recovery, applier, driver },
    raftStatus: () => files.raft.status(),
    connected: () => peers().filter((member) => links.isUp(member)),
    checksumOf: async (member, index: LogIndex) => {
      const call = { method: "checksum-at", params: { index }, withinMs: ASK_WAIT_MS };
      const answer = await forwarder.ask(member, call);
      return answer.ok && typeof answer.value === "string" ? answer.value : null;
    },
    isOwnDataSound: async () => {
      const asked = await askStore(store, "verify", {});
      return asked.ok && asked.value.position.checksum === asked.value.recomputed;
    },
    beginHandOver: () => administration.beginHandOver(),
    startOver: (detail) => startOver(options, detail),
    electionMs: options.settings.raft.electionMs,
    onChange: () => replica.statusChanged(),
  });
}

/** Without images the database is made from the log alone, or everything comes from the others. */
async function startOver(options: ReplicaOptions, detail: string): Promise<boolean> {
  const { disk, logger } = options.ports;
  const listed = await disk.list(SNAPSHOT_FOLDER);
  if (!listed.ok || !hasOthers(options)) return false;
  const images = listed.value.filter((name) => name.endsWith(SNAPSHOT_END));
  const asideCount = listed.value.filter((name) => name.endsWith(ASIDE_END)).length;
  if (images.length === 0 || asideCount + images.length > ASIDE_COUNT_MAX) return false;
  for (const name of images) {
    const path = joinPath(SNAPSHOT_FOLDER, name);
    const moved = await disk.rename(path, `${path}${ASIDE_END}`);
    if (!moved.ok) return false;
  }
  const synced = await disk.syncFolder(SNAPSHOT_FOLDER);
  logger.warn("images-put-aside", { images, isSynced: synced.ok });
  options.onBroken(detail);
  return true;
}
