/**
 * The agent as Electron starts it (`utilityProcess`): a port per window, and a word to stop. It
 * serves the loopback API too, so that the CLI speaks to the very agent the windows show.
 */
import { servePort } from "./api/port-server.ts";
import type { MessagePortLike } from "./api/port-server.ts";
import { startAgent } from "./start.ts";

/** What Electron gives a utility process to talk to its parent. */
type ParentPort = {
  on(
    event: "message",
    listener: (event: {
      readonly data: unknown;
      readonly ports: readonly MessagePortLike[];
    }) => void,
  ): void;
};

const LISTEN = "0.0.0.0:7412";
const HTTP = "127.0.0.1:0";

await main();

async function main(): Promise<void> {
  const { parentPort } = process as unknown as { readonly parentPort: ParentPort };
  const waiting: MessagePortLike[] = [];
  let connect = (port: MessagePortLike): void => void waiting.push(port);
  let stop = (): void => process.exit(0);
  parentPort.on("message", ({ data, ports }) => {
    const { type } = data as { readonly type?: unknown };
    const port = ports[0];
    if (type === "client" && port !== undefined) connect(port);
    if (type === "stop") stop();
  });
  const started = await startAgent({
    dataFolder: folderFrom(process.argv),
    listen: LISTEN,
    http: HTTP,
    mdnsInterface: null,
    peers: [],
    rendererFolder: null,
  });
  if (!started.ok) {
    process.stderr.write(`${started.error.message}\n`);
    process.exit(1);
  }
  const { service, close, logger, broken } = started.value;
  // Whoever started this process starts it again, and it then mends what it finds.
  void broken.then(() => close()).then(() => process.exit(1));
  connect = (port) => void servePort({ service, port, logger });
  stop = () => void close().then(() => process.exit(0));
  for (const port of waiting) connect(port);
}

function folderFrom(argv: readonly string[]): string {
  const folder = argv[argv.indexOf("--data") + 1];
  if (argv.includes("--data") && folder !== undefined) return folder;
  process.stderr.write("The agent needs --data FOLDER.\n");
  return process.exit(2);
}
