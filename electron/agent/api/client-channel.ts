/**
 * One window's conversation with the agent, over whatever carries it (WebSocket, MessagePort).
 *
 * Answers are always delivered, in the order they become ready. Events yield: while the client
 * does not read they are merged in an outbox, so a stuck window costs a bounded amount of memory.
 */
import type { ApiEvent, ApiReply } from "../../../shared/api/methods.ts";
import type { Dispatch } from "./dispatch.ts";
import { EventOutbox } from "./event-outbox.ts";
import type { ApiLimits } from "./limits.ts";

/** What carries the messages. */
export type ChannelSink = {
  /** Sends; `onSent` is called when it left this process (never for a closed sink). */
  readonly send: (reply: ApiReply, onSent: () => void) => void;
  /** Bytes accepted by `send` and not gone yet. */
  readonly bufferedBytes: () => number;
  /** Ends the conversation; the owner then calls `dispose`. */
  readonly close: (reason: string) => void;
};

/** See the head of this file. */
export class ClientChannel {
  readonly #dispatch: Dispatch;
  readonly #sink: ChannelSink;
  readonly #limits: ApiLimits;
  readonly #outbox = new EventOutbox();
  #pendingCount = 0;
  #isClosed = false;

  constructor(options: { dispatch: Dispatch; sink: ChannelSink; limits: ApiLimits }) {
    this.#dispatch = options.dispatch;
    this.#sink = options.sink;
    this.#limits = options.limits;
  }

  /** @param message As it came: any JSON at all. */
  async receive(message: unknown): Promise<void> {
    if (this.#isClosed) return;
    const { id, method, params } = asRecord(message);
    if (typeof id !== "number" || !Number.isSafeInteger(id)) {
      this.#sink.close("a request needs a whole number as its id");
      return;
    }
    if (this.#pendingCount >= this.#limits.pendingCountMax) {
      const error = `More than ${this.#limits.pendingCountMax} requests wait for their answers.`;
      this.#reply({ id, error: { code: "busy", message: error } });
      return;
    }
    this.#pendingCount += 1;
    const result = await this.#dispatch(method, params ?? {});
    this.#pendingCount -= 1;
    this.#reply(result.ok ? { id, result: result.value } : { id, error: result.error });
  }

  pushEvent(event: ApiEvent): void {
    if (this.#isClosed) return;
    this.#outbox.push(event);
    this.#pump();
  }

  /** The carrier closed: nothing is sent any more. */
  dispose(): void {
    this.#isClosed = true;
  }

  #reply(reply: ApiReply): void {
    if (this.#isClosed) return;
    this.#sink.send(reply, () => this.#pump());
    if (this.#sink.bufferedBytes() <= this.#limits.bufferBytesMax) return;
    this.#sink.close("the client does not read its answers");
  }

  #pump(): void {
    while (!this.#isClosed && this.#sink.bufferedBytes() < this.#limits.eventBufferBytes) {
      const event = this.#outbox.shift();
      if (event === null) return;
      this.#sink.send({ event }, () => this.#pump());
    }
  }
}

function asRecord(message: unknown): Readonly<Record<string, unknown>> {
  if (typeof message !== "object" || message === null) return {};
  return { ...message };
}
