import type { ApiError, ApiParams, ApiResult } from "../../shared/api/methods.ts";
import { logIndex } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import type { Result } from "../../shared/base/result.ts";
import type { ReadRecord } from "./operations.ts";
import type { Membership } from "./membership.ts";
import type { Plant } from "./plant.ts";
import type { MembersForClients } from "./sim-client.ts";
import type { CalledMethod } from "./sim-member.ts";

/** Entries that may have come behind a write before its answer. */
const LATELY_COUNT = 100;

type Answer<M extends CalledMethod> = Promise<Result<ApiResult<M>, ApiError> | null>;

/** The way of clients to the members, with the planted bug in between when there is one. */
export class ClientAccess implements MembersForClients {
  readonly restUntilMs: () => number;
  readonly #membership: Membership;
  readonly #plant: Plant;
  readonly #isCalm: () => boolean;

  constructor(
    membership: Membership,
    plant: Plant,
    when: { readonly restUntilMs: () => number; readonly isCalm: () => boolean },
  ) {
    this.#membership = membership;
    this.#plant = plant;
    this.restUntilMs = when.restUntilMs;
    this.#isCalm = when.isCalm;
  }

  /** In peace nobody asks a computer that was taken out, again and again. */
  reachable(): readonly MemberId[] {
    const seats = this.#isCalm()
      ? this.#membership.leader()?.replica?.raftStatus().configuration.seats
      : undefined;
    return this.#membership.all.flatMap(({ replica, id }) => {
      const isIn = seats === undefined || seats.some((seat) => seat.id === id);
      return replica === null || !isIn ? [] : [id];
    });
  }

  bootOf(member: MemberId): number {
    return this.#membership.get(member)?.bootCount ?? 0;
  }

  ageOf(member: MemberId, { at, lagMs }: AsOf): Pick<ReadRecord, "asOfMs" | "lagMs"> {
    const { process, wall } = this.#membership.get(member) ?? {};
    if (!process || !wall) return { asOfMs: null, lagMs: null };
    const { startedAtMs } = process;
    // A time that it never showed is later than anything.
    const momentOf = (time: string): number =>
      wall.momentOf(Date.parse(time), startedAtMs) ?? Infinity;
    const asOfMs = at === null ? null : momentOf(at);
    // Set back, a clock may hide a sleep from the member itself.
    return { asOfMs, lagMs: wall.wasSet ? null : lagMs };
  }

  /** What was written lately is looked through: the row's text stands in its entry. */
  holds(member: MemberId, text: string): boolean {
    const log = this.#membership.get(member)?.replica?.log;
    if (log === undefined || log.lastIndex < log.firstIndex) return false;
    const from = logIndex(Math.max(log.firstIndex, log.lastIndex - LATELY_COUNT));
    const entries = log.entriesFrom(from, Infinity);
    return entries.some(({ payload }) => Buffer.from(payload).includes(text));
  }

  execute(member: MemberId, params: ApiParams<"execute">): Answer<"execute"> {
    const call = (asked: typeof params): Answer<"execute"> => this.#call(member, "execute", asked);
    return (this.#plant.execute?.(call) ?? call)(params);
  }

  insertRows(member: MemberId, params: ApiParams<"insertRows">): Answer<"insertRows"> {
    return this.#call(member, "insertRows", params);
  }

  query(member: MemberId, params: ApiParams<"query">): Answer<"query"> {
    const call = (asked: typeof params): Answer<"query"> => this.#call(member, "query", asked);
    return (this.#plant.query?.(call) ?? call)(params);
  }

  #call<M extends CalledMethod>(member: MemberId, method: M, params: ApiParams<M>): Answer<M> {
    return this.#membership.get(member)?.call(method, params) ?? Promise.resolve(null);
  }
}
