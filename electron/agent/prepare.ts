/** Turns a data folder into a member without starting it: `tidemark create` and `tidemark join`. */
import { hexEncode } from "../../shared/base/bytes.ts";
import { clusterId } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import { foundFrom } from "./backup/found-from.ts";
import type { FoundingPorts } from "./backup/found-from.ts";
import { founderRecord, joinByLink, nameProblem } from "./members/first-run.ts";
import { openFolder } from "./open-folder.ts";
import type { OpenedFolder } from "./open-folder.ts";
import { replaceContent } from "./replace-folder.ts";
import { NodeClock } from "./platform/node-clock.ts";
import { NodeFolders } from "./platform/node-folders.ts";
import { NodeRandom } from "./platform/node-random.ts";
import type { Disk, Logger } from "./ports.ts";
import { DEFAULT_SETTINGS } from "./replica/replica-context.ts";
import { scratchStoreOpener } from "./start.ts";
import { TlsNetwork } from "./transport/tls-network.ts";

/** Why the folder was not prepared; `message` is one sentence. */
export type PrepareFailure = { readonly code: string; readonly message: string };

/** A new cluster whose only voter is this folder. */
export async function createClusterIn(options: {
  readonly dataFolder: string;
  readonly name: string;
  readonly memberName: string;
  /** A backup to begin with, by its whole path; null begins empty. */
  readonly from: string | null;
}): Promise<Result<{ readonly clusterId: string; readonly memberId: string }, PrepareFailure>> {
  const problem = nameProblem(options.name, options.memberName);
  if (problem !== null) return err(problem);
  return withFreshFolder(options.dataFolder, async ({ folder, disk }) => {
    const id = clusterId(hexEncode(new NodeRandom().bytes(16)));
    const { name, memberName, from } = options;
    const record = founderRecord({ id, name, self: folder.self, memberName });
    if (from !== null) {
      const at = { ports: foundingPorts(disk), self: folder.self, record };
      const founded = await foundFrom(from, at, DEFAULT_SETTINGS.segmentBytesMax);
      if (!founded.ok) return founded;
    }
    const saved = await folder.saveRecord(record);
    if (!saved.ok) return err({ code: saved.error.code, message: `${saved.error.detail}.` });
    return ok({ clusterId: id, memberId: folder.self });
  });
}

/** Redeems an invite; afterwards `serve` runs the member. */
export async function joinClusterIn(options: {
  readonly dataFolder: string;
  readonly link: string;
  readonly memberName: string;
  /** What is in the folder is put aside for it; see replace-folder.ts. */
  readonly isReplacing?: boolean;
}): Promise<
  Result<
    { readonly clusterId: string; readonly clusterName: string; readonly memberId: string },
    PrepareFailure
  >
> {
  const { dataFolder } = options;
  return options.isReplacing === true
    ? replaceContent(dataFolder, (fresh) => joinFresh({ ...options, dataFolder: fresh }))
    : joinFresh(options);
}

type JoinOptions = Parameters<typeof joinClusterIn>[0];

function joinFresh(options: JoinOptions): ReturnType<typeof joinClusterIn> {
  return withFreshFolder(options.dataFolder, async ({ folder, identity }) => {
    const clock = new NodeClock();
    const listen = { host: "127.0.0.1", port: 0 };
    const network = new TlsNetwork({ identity, listen, clock, logger: SILENT });
    const { link, memberName } = options;
    const { self, addressBook } = folder;
    const joined = await joinByLink({ link, self, memberName, clock, network, addressBook });
    await network.close();
    if (!joined.ok) return joined;
    const saved = await folder.saveRecord(joined.value);
    if (!saved.ok) return err({ code: saved.error.code, message: `${saved.error.detail}.` });
    const { id, name } = joined.value;
    return ok({ clusterId: id, clusterName: name, memberId: folder.self });
  });
}

function foundingPorts(disk: Disk): FoundingPorts {
  const clock = new NodeClock();
  return {
    ...{ disk, clock, logger: SILENT },
    folders: new NodeFolders(() => clock.nowMs()),
    openScratchStore: scratchStoreOpener(clock),
  };
}

/** The command prints its one sentence; a log file would be left in a folder that may stay unused. */
const SILENT: Logger = { info: () => undefined, warn: () => undefined };

async function withFreshFolder<T>(
  path: string,
  prepare: (opened: OpenedFolder) => Promise<Result<T, PrepareFailure>>,
): Promise<Result<T, PrepareFailure>> {
  const clock = new NodeClock();
  const opened = await openFolder(path, () => clock.nowMs());
  if (!opened.ok) return opened;
  const { record } = opened.value.folder;
  try {
    if (record === null) return await prepare(opened.value);
    const message = `The data folder ${path} belongs to the workspace "${record.name}" already.`;
    return err({ code: "already-in-cluster", message });
  } finally {
    await opened.value.release();
  }
}
