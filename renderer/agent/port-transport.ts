import type { ApiReply, ApiRequest } from "../../shared/api/methods.ts";
import type { Transport, TransportEvents } from "./transport.ts";

/** What the preload script posts to the window together with the port. */
export const PORT_MESSAGE = "tidemark:port";

/**
 * The way to the agent in the desktop app: a MessagePort that the preload script hands over.
 * When the agent restarts, a new port comes and replaces the old one.
 */
export class PortTransport implements Transport {
  readonly #window: Window;
  #events: TransportEvents | null = null;
  #port: MessagePort | null = null;

  constructor(window: Window) {
    this.#window = window;
  }

  start(events: TransportEvents): void {
    this.#events = events;
    this.#window.addEventListener("message", this.#onHandover);
  }

  send(request: ApiRequest): boolean {
    if (this.#port === null) return false;
    this.#port.postMessage(request);
    return true;
  }

  dispose(): void {
    this.#window.removeEventListener("message", this.#onHandover);
    this.#port?.close();
    this.#port = null;
  }

  readonly #onHandover = (event: MessageEvent): void => {
    const port = event.ports[0];
    if (event.source !== this.#window || event.data !== PORT_MESSAGE || port === undefined) return;
    if (this.#port !== null) this.#drop(this.#port);
    this.#port = port;
    port.onmessage = (message) => this.#events?.onReply(message.data as ApiReply);
    port.addEventListener("close", () => this.#drop(port));
    port.start();
    this.#events?.onOpen();
  };

  #drop(port: MessagePort): void {
    if (this.#port !== port) return;
    this.#port = null;
    port.close();
    this.#events?.onLost("unreachable");
  }
}
