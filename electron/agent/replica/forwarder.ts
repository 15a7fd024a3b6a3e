/**
 * Questions to the leader over the member connection: what only the leader can do or knows,
 * asked on any member. The leader checks the asker's rights by its proven key; nothing that the
 * asker says of itself counts.
 */
import type { ApiError } from "../../../shared/api/methods.ts";
import { utf8Decode, utf8Encode } from "../../../shared/base/bytes.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type {
  ForwardReplyMessage,
  ForwardRequestMessage,
} from "../../../shared/protocol/forward.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type { Clock } from "../ports.ts";

/** Answers a forwarded call on the leader. */
export type ForwardServer = (
  from: MemberId,
  method: string,
  params: unknown,
) => Promise<Result<unknown, ApiError>>;

type ForwarderOptions = {
  readonly clock: Clock;
  readonly send: (to: MemberId, message: MemberMessage) => boolean;
  readonly serve: ForwardServer;
};

type Asked = {
  readonly to: MemberId;
  readonly end: (outcome: Result<unknown, ApiError>) => void;
};

/** Both ends of forwarded calls. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #asked = new Map<number, Asked>();
  #nextRequestId = 1;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** Asks a member. A lost connection or silence after sending is `unknown-outcome`. */
  ask(
    to: MemberId,
    call: { readonly method: string; readonly params: unknown; readonly withinMs: number },
  ): Promise<Result<unknown, ApiError>> {
    const requestId = this.#nextRequestId++;
    const sent = this.#options.send(to, {
      type: "forward-request",
      requestId,
      method: call.method,
      params: utf8Encode(JSON.stringify(call.params)),
    });
    if (!sent) {
      const message = "The leader cannot be reached from this computer right now.";
      return Promise.resolve(err({ code: "unreachable", message }));
    }
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(call.withinMs, () => {
        this.#end(requestId, err(unknownOutcome("did not answer in time")));
      });
      this.#asked.set(requestId, {
        to,
        end: (outcome) => {
          timer.cancel();
          resolve(outcome);
        },
      });
    });
  }

  /** Another member asks this one. */
  async onRequest(from: MemberId, request: ForwardRequestMessage): Promise<void> {
    const outcome = await this.#serve(from, request);
    this.#options.send(from, {
      type: "forward-reply",
      requestId: request.requestId,
      isOk: outcome.ok,
      body: utf8Encode(JSON.stringify(outcome.ok ? outcome.value : outcome.error)),
    });
  }

  /** An answer; one that nobody waits for any more is dropped. */
  onReply(from: MemberId, reply: ForwardReplyMessage): void {
    if (this.#asked.get(reply.requestId)?.to !== from) return;
    const body = parseJson(reply.body);
    if (!body.ok) this.#end(reply.requestId, err(unknownOutcome("sent an unreadable answer")));
    else if (reply.isOk) this.#end(reply.requestId, ok(body.value));
    else this.#end(reply.requestId, err(errorFrom(body.value)));
  }

  /** The connection is gone: what was asked there may or may not have happened. */
  onDown(peer: MemberId): void {
    for (const [requestId, asked] of [...this.#asked]) {
      if (asked.to === peer) this.#end(requestId, err(unknownOutcome("disconnected")));
    }
  }

  async #serve(from: MemberId, request: ForwardRequestMessage): Promise<Result<unknown, ApiError>> {
    const params = parseJson(request.params);
    if (!params.ok) return err({ code: "bad-request", message: "The parameters are not JSON." });
    return this.#options.serve(from, request.method, params.value);
  }

  #end(requestId: number, outcome: Result<unknown, ApiError>): void {
    const asked = this.#asked.get(requestId);
    this.#asked.delete(requestId);
    asked?.end(outcome);
  }
}

function unknownOutcome(what: string): ApiError {
  return {
    code: "unknown-outcome",
    message: `The leader ${what}; the request may or may not have been carried out.`,
  };
}

/** Another member's error, as far as it is one. */
function errorFrom(value: unknown): ApiError {
  const { code, message } = (value ?? {}) as Partial<ApiError>;
  if (typeof code !== "string" || typeof message !== "string") {
    return unknownOutcome("sent an unreadable answer");
  }
  return value as ApiError;
}

function parseJson(bytes: Uint8Array): Result<unknown, null> {
  const text = utf8Decode(bytes);
  if (text === null) return err(null);
  try {
    return ok(JSON.parse(text) as unknown);
  } catch {
    // Another machine's bytes: not JSON is an answer, not a bug.
    return err(null);
  }
}
