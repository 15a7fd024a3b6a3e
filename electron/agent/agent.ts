/**
 * The agent of one data folder: a replica once there is a cluster, and the first run before.
 * It turns what people ask into what the replica does; the servers (HTTP, port) stand before it.
 */
import type {
  ApiError,
  ApiEvent,
  ApiMethod,
  ApiParams,
  ApiResult,
} from "../../shared/api/methods.ts";
import type { ForeignMethod } from "../../shared/api/interchange.ts";
import { hexEncode } from "../../shared/base/bytes.ts";
import { clusterId, logIndex, term } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import type { Status } from "../../shared/cluster/status.ts";
import { NOTHING_TO_LOSE } from "../../shared/cluster/safety.ts";
import { foundFrom } from "./backup/found-from.ts";
import { isForeignMethod } from "./foreign/foreign-files.ts";
import type { ClusterRecord } from "./members/cluster-record.ts";
import { founderRecord, joinByLink, nameProblem } from "./members/first-run.ts";
import { makeInvite } from "./members/invitation.ts";
import { openReception } from "./members/reception.ts";
import type { AgentService } from "./service.ts";
import { createReplica } from "./replica/replica.ts";
import type { Replica } from "./replica/replica.ts";
import type { ReplicaMethod } from "./replica/methods.ts";
import type { OpenFailure } from "./replica/open-files.ts";
import type { AgentBase } from "./agent-base.ts";

/** The service behind all servers. */
export class Agent implements AgentService {
  readonly #base: AgentBase;
  readonly #listeners = new Set<(event: ApiEvent) => void>();
  #replica: Replica | null = null;
  /** Calls that come while the log is being read wait for it. */
  #opening: Promise<OpenFailure | null> | null = null;
  #isBeginning = false;
  #isClosed = false;
  /** The folder says which cluster it belongs to, even where the member could not start. */
  #hasRecord = false;

  constructor(base: AgentBase) {
    this.#base = base;
  }

  /** Starts the replica if this folder belongs to a cluster. @returns why it cannot, or null. */
  async start(): Promise<OpenFailure | null> {
    const record = this.#base.folder.record;
    return record === null ? null : this.#open(record);
  }

  /** See `AgentService`. */
  async call<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    await this.#opening;
    const replica = this.#replica;
    if (method === "createCluster" || method === "joinCluster") {
      const outcome = this.#once(() =>
        method === "createCluster"
          ? this.#createCluster(params as ApiParams<"createCluster">)
          : this.#joinCluster(params as ApiParams<"joinCluster">),
      );
      return (await outcome) as Result<ApiResult<M>, ApiError>;
    }
    if (isForeignMethod(method)) {
      const asked = params as unknown as ApiParams<ForeignMethod>;
      const outcome = this.#base.foreignFiles.call(method as ForeignMethod, asked);
      return (await outcome) as Result<ApiResult<M>, ApiError>;
    }
    if (replica !== null) {
      const outcome = replica.call(method as ReplicaMethod, params as ApiParams<ReplicaMethod>);
      return (await outcome) as Result<ApiResult<M>, ApiError>;
    }
    if (method === "status") return ok(this.#emptyStatus()) as Result<ApiResult<M>, ApiError>;
    return err({
      code: "no-cluster",
      message: "This computer belongs to no workspace yet: create one or join with a link.",
    });
  }

  subscribe(listener: (event: ApiEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The store lost its content: fills it again. */
  refillStore(): void {
    void this.#replica?.restoreStore();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#opening;
    this.#base.foreignFiles.close();
    await this.#base.discovery.close();
    await this.#replica?.handOver();
    await this.#replica?.close();
    await this.#base.network.close();
    await this.#base.ports.store.close();
  }

  /** Two first runs side by side (a double click) would run two members in one folder. */
  async #once<T>(firstRun: () => Promise<Result<T, ApiError>>): Promise<Result<T, ApiError>> {
    if (this.#replica !== null || this.#hasRecord) return err(alreadyThere());
    if (this.#isBeginning || this.#isClosed) {
      return err({ code: "busy", message: "This computer is being set up or shut down already." });
    }
    this.#isBeginning = true;
    try {
      return await firstRun();
    } finally {
      this.#isBeginning = false;
    }
  }

  async #createCluster(
    params: ApiParams<"createCluster">,
  ): Promise<Result<ApiResult<"createCluster">, ApiError>> {
    const { folder, ports } = this.#base;
    const id = clusterId(hexEncode(ports.random.bytes(16)));
    const memberName = params.memberName ?? this.#base.defaultName;
    const problem = nameProblem(params.name, memberName);
    if (problem !== null) return err(problem);
    const record = founderRecord({ id, name: params.name, self: folder.self, memberName });
    if (params.from !== undefined) {
      const { segmentBytesMax } = this.#base.settings;
      const founded = await foundFrom(
        params.from,
        { ports, self: folder.self, record },
        segmentBytesMax,
      );
      if (!founded.ok) return founded;
    }
    return this.#begin(record, { clusterId: id });
  }

  async #joinCluster(
    params: ApiParams<"joinCluster">,
  ): Promise<Result<ApiResult<"joinCluster">, ApiError>> {
    const { folder, ports, network } = this.#base;
    const memberName = params.memberName ?? this.#base.defaultName;
    const joined = await joinByLink({
      link: params.link,
      self: folder.self,
      memberName,
      clock: ports.clock,
      network,
      addressBook: folder.addressBook,
    });
    if (!joined.ok) return joined;
    const { id, name } = joined.value;
    return this.#begin(joined.value, { clusterId: id, clusterName: name });
  }

  async #begin<T>(record: ClusterRecord, result: T): Promise<Result<T, ApiError>> {
    const saved = await this.#base.folder.saveRecord(record);
    if (!saved.ok) return err({ code: "storage-failed", message: saved.error.detail });
    this.#hasRecord = true;
    if (this.#isClosed) {
      return err({ code: "unreachable", message: "This computer is shutting down." });
    }
    const failure = await this.#open(record);
    return failure === null ? ok(result) : err({ code: "internal", message: failure.detail });
  }

  #open(record: ClusterRecord): Promise<OpenFailure | null> {
    this.#opening = this.#openReplica(record).finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #openReplica(record: ClusterRecord): Promise<OpenFailure | null> {
    const { folder, ports, network, settings, version, httpUrl, manualPeers } = this.#base;
    let kept = record;
    const created = await createReplica({
      ports,
      self: folder.self,
      record,
      settings,
      version,
      httpUrl,
      manualPeers,
      addressBook: folder.addressBook,
      saveRecord: (changes) => {
        kept = { ...kept, ...changes };
        return folder.saveRecord(kept);
      },
      onBroken: this.#base.onBroken,
      makeInvite: (params, recordInvite) =>
        makeInvite({ params, record, self: folder.self, ports, recordInvite }),
      folder: folder.path,
    });
    if (!created.ok) return created.error;
    const replica = created.value;
    this.#replica = replica;
    replica.subscribe((event) => this.#emit(event));
    openReception({
      replica,
      network,
      record,
      self: folder.self,
      addressBook: folder.addressBook,
      clock: ports.clock,
      logger: ports.logger,
    });
    this.#announce(replica, record);
    replica.statusChanged();
    return null;
  }

  #announce(replica: Replica, record: ClusterRecord): void {
    const address = this.#base.network.listenAddress;
    if (address === null) return;
    this.#base.discovery.start({
      clusterTag: record.id,
      address,
      onSighting: (sighting) => replica.suggestAddress(sighting.address),
    });
  }

  #emit(event: ApiEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #emptyStatus(): Status {
    const { folder, ports, version, defaultName } = this.#base;
    const zero = logIndex(0);
    return {
      cluster: null,
      member: { id: folder.self, name: defaultName, seat: null },
      seat: { state: "ok", reason: null, detail: null, since: null },
      alarm: null,
      role: "mirror",
      term: term(0),
      leader: null,
      canWrite: false,
      log: { firstIndex: zero, lastIndex: zero, commitIndex: zero, appliedIndex: zero, bytes: 0 },
      checksum: { index: zero, value: "" },
      lag: { entries: 0, bytes: 0, ms: null, asOf: null, leaderReachable: false },
      members: [],
      durability: "synchronous",
      safety: NOTHING_TO_LOSE,
      storage: { state: "ok", detail: null, folder: folder.path },
      settings: {},
      version,
      at: new Date(ports.clock.wallMs()).toISOString(),
    };
  }
}

function alreadyThere(): ApiError {
  return {
    code: "already-in-cluster",
    message: "This computer belongs to a workspace already; its data folder holds that one.",
  };
}
