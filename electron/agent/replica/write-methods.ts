/**
 * `execute` and `insertRows`. Where this member does not lead they answer `not-leader`, because where an edit is
 * taken is something to see; where the workspace forwards writes, the leader is asked and the answer is its own.
 *
 * A forwarded write carries a client id and a sequence, the member's own where the caller gave none. So it can be
 * asked again when the leader or the way to it was lost, and it is done once: repeating it gives the first result.
 */
import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import { hexEncode, utf8Encode } from "../../../shared/base/bytes.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok, type Result } from "../../../shared/base/result.ts";
import { FORWARD_BYTES_MAX } from "../../../shared/protocol/limits.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import type { CaptureRequest } from "../../store-worker/messages.ts";
import { storedTimeOf } from "../stored-time.ts";
import { parseParams } from "../api/params.ts";
import type { Forwarder } from "./forwarder.ts";
import type { Leadership } from "./leadership.ts";
import type { ReplicaContext } from "./replica-context.ts";

type WriteMethod = "execute" | "insertRows";

type Key = { readonly clientId: string; readonly sequence: number };

type WriteMethodsOptions = {
  readonly context: ReplicaContext;
  readonly leadership: Leadership;
  readonly forwarder: Forwarder;
  readonly raftStatus: () => RaftStatus;
  /** Whether the workspace forwards writes. */
  readonly isForwarding: () => boolean;
};

type WriteAnswer<M extends WriteMethod> = Result<ApiResult<M>, ApiError>;

/** How long a forwarded write is tried; a leader is found in a tenth of it. */
const FORWARD_MS_MAX = 15_000;
const RETRY_MS = 50;
/** Nothing of it happened in this attempt, and the next one may meet another leader. */
const PASSING_CODES: readonly ApiError["code"][] = ["not-leader", "no-quorum", "unreachable"];
/** Room for what is around the parameters. */
const ENVELOPE_BYTES = 1024;

/** One handler per method. */
export class WriteMethods {
  readonly #options: WriteMethodsOptions;
  /** Names under which this member forwards, and the sequence each used last; one write at a time each. */
  readonly #freeKeys: Key[] = [];
  #keyCount = 0;
  #prefix: string | null = null;

  constructor(options: WriteMethodsOptions) {
    this.#options = options;
  }

  execute(params: ApiParams<"execute">): Promise<WriteAnswer<"execute">> {
    return this.#write("execute", params, (keyed) => this.#executeHere(keyed, this.#self));
  }

  insertRows(params: ApiParams<"insertRows">): Promise<WriteAnswer<"insertRows">> {
    return this.#write("insertRows", params, (keyed) => this.#insertHere(keyed, this.#self));
  }

  /** On the leader: what another member's user asked for. Its author is that member. */
  async serve(
    from: MemberId,
    method: WriteMethod,
    params: unknown,
  ): Promise<Result<unknown, ApiError>> {
    if (!this.#options.isForwarding()) return err(notForwarding());
    const answer = await this.#serve(from, method, params);
    if (!answer.ok) return answer;
    const bytes = utf8Encode(JSON.stringify(answer.value)).length;
    if (bytes <= FORWARD_BYTES_MAX - ENVELOPE_BYTES) return answer;
    const { term, index } = answer.value;
    const message =
      `The edit was made (${term}:${index}), but what it answers is larger than computers tell each other. ` +
      "Ask for it with a query.";
    return err({ code: "too-large", message });
  }

  /** Another member's parameters are checked like a client's: its program may be newer, older or broken. */
  async #serve(
    from: MemberId,
    method: WriteMethod,
    params: unknown,
  ): Promise<WriteAnswer<WriteMethod>> {
    if (method === "execute") {
      const parsed = parseParams(method, params);
      return parsed.ok ? this.#executeHere(parsed.value, from) : parsed;
    }
    const parsed = parseParams(method, params);
    return parsed.ok ? this.#insertHere(parsed.value, from) : parsed;
  }

  /** For the store: what to do, who asks, and when. */
  capture(
    work: CaptureRequest["work"],
    key: Partial<Key>,
    author: MemberId = this.#self,
  ): CaptureRequest {
    const { context } = this.#options;
    const { clientId, sequence } = key;
    return {
      work,
      client: clientId === undefined || sequence === undefined ? null : { id: clientId, sequence },
      author: context.nameOf(author),
      atMs: storedTimeOf(context.ports.clock),
      isInternal: false,
    };
  }

  get #self(): MemberId {
    return this.#options.context.self;
  }

  async #executeHere(
    params: ApiParams<"execute">,
    author: MemberId,
  ): Promise<WriteAnswer<"execute">> {
    const { statements, expect } = params;
    const expected = expect === undefined ? {} : { expected: expect };
    const outcome = await this.#options.leadership.submit({
      capture: this.capture({ type: "statements", statements, ...expected }, params, author),
      ack: params.ack ?? "committed",
    });
    if (!outcome.ok) return outcome;
    const { position, results } = outcome.value;
    return ok({ ...position, results });
  }

  async #insertHere(
    params: ApiParams<"insertRows">,
    author: MemberId,
  ): Promise<WriteAnswer<"insertRows">> {
    const { table, columns, rows, skipsBadRows = false } = params;
    const work = { type: "insert-rows", table, columns, rows, skipsBadRows } as const;
    const outcome = await this.#options.leadership.submit({
      capture: this.capture(work, params, author),
      ack: "committed",
    });
    if (!outcome.ok) return outcome;
    const { changes = rows.length, badRows } = outcome.value.results[0] ?? {};
    const told = badRows === undefined ? {} : { badRows };
    return ok({ ...outcome.value.position, rowCount: changes, ...told });
  }

  async #write<M extends WriteMethod>(
    method: M,
    params: ApiParams<M>,
    here: (params: ApiParams<M>) => Promise<WriteAnswer<M>>,
  ): Promise<WriteAnswer<M>> {
    const { raftStatus, isForwarding } = this.#options;
    if (raftStatus().role === "leader" || !isForwarding()) return here(params);
    const size = utf8Encode(JSON.stringify(params)).length;
    if (size > FORWARD_BYTES_MAX - ENVELOPE_BYTES) return err(tooLarge(size));
    const { clientId, sequence } = params;
    if (clientId !== undefined && sequence !== undefined) {
      return this.#forward(method, params, here);
    }
    const key = this.#takeKey();
    const answer = await this.#forward(method, { ...params, ...key }, here);
    // A write of which nobody knows may still come: its name is not used again.
    if (answer.ok || answer.error.code !== "unknown-outcome") this.#freeKeys.push(key);
    return answer;
  }

  /** Asks whoever leads until there is an answer that holds. */
  async #forward<M extends WriteMethod>(
    method: M,
    params: ApiParams<M>,
    here: (params: ApiParams<M>) => Promise<WriteAnswer<M>>,
  ): Promise<WriteAnswer<M>> {
    const { clock } = this.#options.context.ports;
    const deadlineMs = clock.nowMs() + FORWARD_MS_MAX;
    let unknown: ApiError | null = null;
    for (;;) {
      const answer = await this.#attempt(method, params, here, deadlineMs - clock.nowMs());
      if (answer.ok) return answer;
      const { code } = answer.error;
      if (code === "unknown-outcome") unknown = answer.error;
      else if (!PASSING_CODES.includes(code)) return answer;
      // One election was waited for already; nobody need wait for more when nothing is open.
      else if (code === "no-quorum" && unknown === null) return answer;
      // An attempt of which nobody knows outweighs a later one that did nothing.
      if (clock.nowMs() + RETRY_MS >= deadlineMs) return err(unknown ?? answer.error);
      await new Promise<void>((resume) => clock.after(RETRY_MS, resume));
    }
  }

  async #attempt<M extends WriteMethod>(
    method: M,
    params: ApiParams<M>,
    here: (params: ApiParams<M>) => Promise<WriteAnswer<M>>,
    withinMs: number,
  ): Promise<WriteAnswer<M>> {
    const { leadership, forwarder, raftStatus } = this.#options;
    const leader = await leadership.waitForLeader();
    // Without a leader the queue says what that means; on the leader it takes the write.
    if (leader === null || raftStatus().role === "leader") return here(params);
    const asked = await forwarder.ask(leader, { method, params, withinMs: Math.max(1, withinMs) });
    return asked.ok ? ok(asked.value as ApiResult<M>) : asked;
  }

  #takeKey(): Key {
    const free = this.#freeKeys.pop();
    if (free !== undefined) return { ...free, sequence: free.sequence + 1 };
    const { random } = this.#options.context.ports;
    this.#prefix ??= `forward-${hexEncode(random.bytes(8))}`;
    return { clientId: `${this.#prefix}-${++this.#keyCount}`, sequence: 1 };
  }
}

function notForwarding(): ApiError {
  const message = "This workspace does not forward edits; the setting is forward-writes.";
  return { code: "not-leader", message };
}

function tooLarge(bytes: number): ApiError {
  const message =
    `An edit of ${bytes} bytes is larger than computers hand on to each other (${FORWARD_BYTES_MAX}). ` +
    "Nothing was done; send it in parts, or on the computer that leads.";
  return { code: "too-large", message };
}
