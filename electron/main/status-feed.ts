import type { MessagePortMain } from "electron";
import type { ApiReply, ApiRequest } from "../../shared/api/methods.ts";
import type { Status } from "../../shared/cluster/status.ts";

/**
 * Listens to the agent's status on a port of its own, for the tray and the window's title.
 *
 * @param onStatus Called with the first answer and after every change.
 */
export function followStatus(port: MessagePortMain, onStatus: (status: Status) => void): void {
  port.on("message", (message) => {
    const status = statusOf(message.data as ApiReply);
    if (status !== null) onStatus(status);
  });
  port.start();
  const request: ApiRequest = { id: 1, method: "status", params: {} };
  port.postMessage(request);
}

function statusOf(reply: ApiReply): Status | null {
  if ("event" in reply) return reply.event.type === "status" ? reply.event.status : null;
  return "result" in reply ? (reply.result as Status) : null;
}
