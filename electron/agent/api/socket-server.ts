/** The WebSocket of the browser's window: requests, answers and events as JSON texts. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type RawData, type WebSocket } from "ws";
import type { ApiEvent } from "../../../shared/api/methods.ts";
import type { Logger } from "../ports.ts";
import { parseJson } from "./body.ts";
import { ClientChannel } from "./client-channel.ts";
import type { Dispatch } from "./dispatch.ts";
import type { ApiLimits } from "./limits.ts";

const MALFORMED = 1007;
const POLICY = 1008;
const GOING_AWAY = 1001;

/** Accepts upgrades that were checked already, and serves them. */
export class SocketServer {
  readonly #server: WebSocketServer;
  readonly #channels = new Map<WebSocket, ClientChannel>();
  readonly #dispatch: Dispatch;
  readonly #limits: ApiLimits;
  readonly #logger: Logger;

  constructor(options: { dispatch: Dispatch; limits: ApiLimits; logger: Logger }) {
    this.#dispatch = options.dispatch;
    this.#limits = options.limits;
    this.#logger = options.logger;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.limits.bulkBodyBytesMax,
      perMessageDeflate: false,
    });
  }

  get connectionCount(): number {
    return this.#channels.size;
  }

  /** @param onOpen Called once the socket is there, to send it its first event. */
  accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    onOpen: (push: (event: ApiEvent) => void) => void,
  ): void {
    this.#server.handleUpgrade(request, socket, head, (client) => {
      const channel = this.#open(client);
      onOpen((event) => channel.pushEvent(event));
    });
  }

  pushEvent(event: ApiEvent): void {
    for (const channel of this.#channels.values()) channel.pushEvent(event);
  }

  close(): void {
    for (const client of this.#channels.keys()) client.close(GOING_AWAY, "the agent stops");
    this.#server.close();
  }

  /** Ends clients that did not answer the closing handshake. */
  terminate(): void {
    for (const client of this.#channels.keys()) client.terminate();
  }

  #open(client: WebSocket): ClientChannel {
    const channel = new ClientChannel({
      dispatch: this.#dispatch,
      limits: this.#limits,
      sink: {
        send: (reply, onSent) =>
          client.send(JSON.stringify(reply), (error) => {
            if (error === undefined || error === null) onSent();
          }),
        bufferedBytes: () => client.bufferedAmount,
        close: (reason) => {
          this.#logger.warn("api-socket-closed", { reason });
          client.close(POLICY, reason);
          if (client.bufferedAmount > this.#limits.bufferBytesMax) client.terminate();
        },
      },
    });
    this.#channels.set(client, channel);
    client.on("message", (data, isBinary) => receive(client, channel, isBinary ? null : data));
    client.on("close", () => {
      channel.dispose();
      this.#channels.delete(client);
    });
    // The close event follows; the reason (frame too large, malformed) belongs in the log.
    client.on("error", (error) => {
      this.#logger.warn("api-socket-error", { reason: error.message });
    });
    return channel;
  }
}

function receive(client: WebSocket, channel: ClientChannel, data: RawData | null): void {
  const message = data === null ? null : parseJson(data.toString());
  if (message === null || !message.ok) {
    client.close(MALFORMED, "a message is one JSON text");
    return;
  }
  void channel.receive(message.value);
}
