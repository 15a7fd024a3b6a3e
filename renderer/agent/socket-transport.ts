import type { ApiReply, ApiRequest } from "../../shared/api/methods.ts";
import type { Transport, TransportEvents } from "./transport.ts";

/** First and longest wait before connecting again, in ms; it doubles in between. */
const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 3_000;

/**
 * The way to the agent in a browser: a WebSocket on the page's own host. The cookie set by
 * `POST /auth` authenticates; without it the loss is reported as `unauthorized`.
 */
export class SocketTransport implements Transport {
  readonly #url: string;
  readonly #isAuthorized: () => Promise<boolean | null>;
  #events: TransportEvents | null = null;
  #socket: WebSocket | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = RETRY_MS_MIN;
  #isDisposed = false;

  /** @param isAuthorized Asked after a failed connection; null means nobody answered. */
  constructor(url: string, isAuthorized: () => Promise<boolean | null>) {
    this.#url = url;
    this.#isAuthorized = isAuthorized;
  }

  start(events: TransportEvents): void {
    this.#events = events;
    this.#connect();
  }

  send(request: ApiRequest): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(request));
    return true;
  }

  dispose(): void {
    this.#isDisposed = true;
    clearTimeout(this.#retryTimer);
    this.#socket?.close();
    this.#socket = null;
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#retryMs = RETRY_MS_MIN;
      this.#events?.onOpen();
    };
    socket.onmessage = (message) => {
      this.#events?.onReply(JSON.parse(String(message.data)) as ApiReply);
    };
    socket.onclose = () => void this.#onClose();
  }

  async #onClose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#socket = null;
    this.#events?.onLost("unreachable");
    const isAuthorized = await this.#isAuthorized();
    if (this.#isDisposed) return;
    if (isAuthorized === false) this.#events?.onLost("unauthorized");
    this.#retryTimer = setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }
}
