import { Command } from "commander";
import type { AgentClient } from "./agent-client.ts";
import { connect } from "./connect.ts";
import { dataFolderOf } from "./data-folder.ts";
import type { CommandResult } from "./failure.ts";
import type { Starters } from "./starters.ts";
import type { Terminal } from "./terminal.ts";

/** What commands are registered with. */
export type CliContext = {
  readonly program: Command;
  readonly terminal: Terminal;
  /** Loads the agent's code on first use: most commands only talk HTTP and start faster so. */
  readonly starters: () => Promise<Starters>;
  /** The built window, when it lies beside this program. */
  readonly rendererFolder: string | null;
  /** Called once by the command that ran. */
  readonly finish: (result: CommandResult) => void;
};

/** Options every command has. */
export type CommonOptions = { readonly data?: string; readonly json?: true };

/** What a running command has at hand. */
export type CommandScope = {
  readonly terminal: Terminal;
  readonly dataFolder: string;
  readonly isJson: boolean;
};

/** Adds a command with `--data` and `--json`. @param usage E.g. `remove <member>`. */
export function addCommand(context: CliContext, usage: string, summary: string): Command {
  return context.program
    .command(usage)
    .description(summary)
    .option("--data <dir>", "data folder of the member")
    .option("--json", "print JSON");
}

/** The surroundings of one run. */
export function scopeOf(context: CliContext, options: CommonOptions): CommandScope {
  const { terminal } = context;
  const dataFolder = dataFolderOf(options.data, terminal);
  return { terminal, dataFolder, isJson: options.json === true };
}

/** Runs `work` with the agent of the chosen data folder, or fails with a sentence. */
export async function withAgent(
  context: CliContext,
  options: CommonOptions,
  work: (client: AgentClient, scope: CommandScope) => Promise<CommandResult>,
): Promise<void> {
  const scope = scopeOf(context, options);
  const client = await connect(scope.dataFolder);
  context.finish(client.ok ? await work(client.value, scope) : client);
}

/** Prints a result: as JSON when asked for, else as text. */
export function print(scope: CommandScope, value: unknown, text: () => string): void {
  scope.terminal.out(scope.isJson ? `${JSON.stringify(value)}\n` : text());
}
