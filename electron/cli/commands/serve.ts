/** `serve` and `demo`: the commands that are the agent, instead of talking to one. */
import type { Result } from "../../../shared/base/result.ts";
import { ok } from "../../../shared/base/result.ts";
import { hasDisplay, openInBrowser } from "../browser.ts";
import { addCommand, scopeOf, type CliContext, type CommonOptions } from "../command.ts";
import { fail, type CliFailure, type CommandResult } from "../failure.ts";
import type { StartedAgent } from "../starters.ts";
import type { Terminal } from "../terminal.ts";

/** Members find each other again after restarts because the port stays. */
const LISTEN_DEFAULT = "0.0.0.0:7412";
const HTTP_DEFAULT = "127.0.0.1:0";

type ServeOptions = CommonOptions & {
  readonly listen: string;
  readonly http: string;
  readonly mdnsInterface?: string;
  readonly mdns: boolean;
  readonly peer: string[];
  readonly open?: true;
};

/** Registers `serve` and `demo`. */
export function registerServeCommands(context: CliContext): void {
  addCommand(context, "serve", "run this member without a window of its own, with the UI on --http")
    .option("--listen <host:port>", "where other members reach this one", LISTEN_DEFAULT)
    .option("--http <host:port>", "where UI and API answer; loopback only", HTTP_DEFAULT)
    .option("--mdns-interface <ip>", "look for members on this interface only")
    .option("--no-mdns", "neither announce nor look for members on the network")
    .option("--peer <host:port>", "an address to try; may be given several times", collect, [])
    .option("--open", "open the UI in the browser")
    .action(async (options: ServeOptions) => context.finish(await serve(context, options)));
  addCommand(context, "demo", "three members on this computer with 171,075 real cities")
    .option("--no-open", "do not open the browser")
    .action(async (options: CommonOptions & { readonly open: boolean }) => {
      const { runDemo } = await context.starters();
      const exitCode = await runDemo({
        dataFolder: options.data ?? null,
        isJson: options.json === true,
        isOpening: options.open,
        rendererFolder: context.rendererFolder,
      });
      context.finish(exitCode === 0 ? ok(null) : fail("the demo ended early."));
    });
}

async function serve(context: CliContext, options: ServeOptions): Promise<CommandResult> {
  const { terminal, dataFolder } = scopeOf(context, options);
  const listen = parseAddress("--listen", options.listen);
  if (!listen.ok) return listen;
  const http = parseAddress("--http", options.http);
  if (!http.ok) return http;
  for (const peer of options.peer) {
    const checked = parseAddress("--peer", peer);
    if (!checked.ok) return checked;
  }
  const { startAgent } = await context.starters();
  const start = {
    dataFolder,
    listen: listen.value,
    http: http.value,
    mdnsInterface: options.mdns ? (options.mdnsInterface ?? null) : "none",
    peers: options.peer,
    rendererFolder: context.rendererFolder,
  };
  const first = await startAgent(start);
  if (!first.ok) return fail(first.error.message);
  const stop = terminal.waitForStop().then(() => null);
  announce(terminal, first.value, options.open === true);
  let running = first.value;
  for (;;) {
    const reason = await Promise.race([stop, running.broken]);
    await running.close();
    if (reason === null) return ok(null);
    terminal.error(`tidemark: starting anew: ${reason}\n`);
    const again = await startAgent({ ...start, ...addressesOf(running, start) });
    if (!again.ok) return fail(again.error.message);
    running = again.value;
  }
}

/** Open windows and the other members find it again where it was. */
function addressesOf(
  { httpUrl }: StartedAgent,
  { http }: { readonly http: string },
): { readonly http: string } {
  return { http: httpUrl === null ? http : new URL(httpUrl).host };
}

function announce(terminal: Terminal, agent: StartedAgent, isOpening: boolean): void {
  const http = agent.httpUrl ?? "none";
  terminal.out(`tidemark ready http=${http} member=${agent.memberId}\n`);
  const url = agent.openUrl;
  if (url === null) return;
  if (isOpening && hasDisplay(terminal)) {
    openInBrowser(url, terminal, () => {
      terminal.error(`No browser could be started. Open ${url}\n`);
    });
  } else if (isOpening || terminal.isErrorTty) {
    // The link signs in, so it goes to a person's terminal and not into a service's journal.
    terminal.error(`Open ${url}\n`);
  }
}

function parseAddress(option: string, text: string): Result<string, CliFailure> {
  const port = /^(?:\[[0-9a-fA-F:.%\w]+\]|[\w.-]+):(\d{1,5})$/.exec(text)?.[1];
  if (port !== undefined && Number(port) <= 65_535) return ok(text);
  return fail(`${option} needs HOST:PORT, e.g. 127.0.0.1:8080; got ${JSON.stringify(text)}.`, 2);
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
