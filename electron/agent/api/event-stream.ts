/** `GET /api/events`: the window's events for scripts, as server-sent events. */
import type { ServerResponse } from "node:http";
import type { ApiEvent } from "../../../shared/api/methods.ts";
import { EventOutbox } from "./event-outbox.ts";
import type { ApiLimits } from "./limits.ts";

/** One reader of the stream. Status events, at least one a second, keep it alive. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #limits: ApiLimits;
  readonly #outbox = new EventOutbox();

  /** @param response With its head written; ended by the reader or by `close`. */
  constructor(response: ServerResponse, limits: ApiLimits) {
    this.#response = response;
    this.#limits = limits;
    response.on("drain", () => this.#pump());
    response.write("retry: 1000\n\n");
  }

  push(event: ApiEvent): void {
    this.#outbox.push(event);
    this.#pump();
  }

  close(): void {
    this.#response.end();
  }

  #pump(): void {
    while (this.#isReading()) {
      const event = this.#outbox.shift();
      if (event === null) return;
      this.#response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
  }

  #isReading(): boolean {
    const response = this.#response;
    if (response.writableEnded || response.destroyed) return false;
    return response.writableLength < this.#limits.eventBufferBytes;
  }
}
