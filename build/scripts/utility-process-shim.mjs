/**
 * Lets plain Node start the agent the way Electron's utility process does: with a
 * `process.parentPort` that hands over ports. It plays one window: asks for the status, prints
 * the answer, and asks the agent to stop.
 */
import { EventEmitter } from "node:events";
import { MessageChannel } from "node:worker_threads";

/** A port as Electron's main side has it: a message comes as `event.data`. */
class PortMain extends EventEmitter {
  #port;

  constructor(port) {
    super();
    this.#port = port;
    port.on("close", () => this.emit("close"));
  }

  start() {
    this.#port.on("message", (data) => this.emit("message", { data, ports: [] }));
  }

  postMessage(message) {
    this.#port.postMessage(message);
  }

  close() {
    this.#port.close();
  }
}

const parentPort = new EventEmitter();
parentPort.postMessage = () => undefined;
process.parentPort = parentPort;

parentPort.on("newListener", (name) => {
  if (name === "message" && parentPort.listenerCount("message") === 0) setImmediate(playWindow);
});

function playWindow() {
  const { port1, port2 } = new MessageChannel();
  port1.on("message", (reply) => {
    if (reply.id !== 1) return;
    console.log(JSON.stringify(reply));
    port1.close();
    parentPort.emit("message", { data: { type: "stop" }, ports: [] });
  });
  parentPort.emit("message", { data: { type: "client" }, ports: [new PortMain(port2)] });
  port1.postMessage({ id: 1, method: "status", params: {} });
}
