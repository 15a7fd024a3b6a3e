/** Makes what a member's backups consist of, and connects it with the rest of the replica. */
import type { ApiError } from "../../../shared/api/methods.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import { leaderChecksum } from "../replica/leader-checksum.ts";
import type { Parts, PartsBase } from "../replica/parts-types.ts";
import { BackupCatalog } from "./backup-catalog.ts";
import { BackupExchange } from "./backup-exchange.ts";
import { BackupKeeper } from "./backup-keeper.ts";
import { BackupMaker } from "./backup-maker.ts";
import { BackupScratch } from "./backup-scratch.ts";
import { WorkNow } from "./backup-work.ts";

/** Makes them; nothing runs yet. */
export function makeBackups(
  { options, files, context }: PartsBase,
  parts: Pick<Parts, "applier" | "forwarder" | "links" | "storage" | "reader">,
): BackupKeeper {
  const { clock, random, disk, folders, logger, store, openScratchStore } = options.ports;
  const { id, name } = context.record;
  const { applier, forwarder, links, storage, reader } = parts;
  const raftStatus = (): RaftStatus => files.raft.status();
  const workspace = { id, name };
  const memberName = (): string => context.nameOf(context.self);
  const work = new WorkNow();
  const scratch = new BackupScratch({ openStore: openScratchStore, logger, work });
  const maker = new BackupMaker({
    ...{ store, clock, folders, scratch, memberName },
    readRefusal: async (): Promise<ApiError | null> =>
      storage.readRefusal() ?? (await reader.waitUntilLoaded()),
    leaderChecksum: (index) => leaderChecksum({ raftStatus, applier, forwarder }, index),
    workspace: () => workspace,
  });
  const exchange = new BackupExchange({
    ...{ clock, random, disk, forwarder, work },
    make: (place) => keeper.makeAt(place),
  });
  const keeper: BackupKeeper = new BackupKeeper({
    ...{ clock, logger, folders, maker, exchange, scratch, work, memberName },
    catalog: new BackupCatalog(disk, logger),
    dataFolder: options.folder,
    followers: () => followersOf(raftStatus()).filter((member) => links.isUp(member)),
    workspace: () => workspace,
  });
  return keeper;
}

/** Whoever keeps up with this leader, mirrors before voters; nobody on a follower. */
function followersOf({ role, progress, configuration }: RaftStatus): readonly MemberId[] {
  if (role !== "leader") return [];
  const isMirror = (member: MemberId): boolean =>
    configuration.seats.some(({ id, kind }) => id === member && kind === "mirror");
  return progress
    .filter(({ mode, isActive }) => mode === "replicate" && isActive)
    .map(({ id }) => id)
    .sort((a, b) => Number(isMirror(b)) - Number(isMirror(a)));
}
