import { Command, CommanderError } from "commander";
import { ok } from "../../shared/base/result.ts";
import { registerBackupCommands } from "./commands/backup.ts";
import { registerClusterCommands } from "./commands/cluster.ts";
import { registerDataCommands } from "./commands/data.ts";
import { registerMemberCommands } from "./commands/members.ts";
import { registerPastCommands } from "./commands/past.ts";
import { registerRepairCommands } from "./commands/repair.ts";
import { registerServeCommands } from "./commands/serve.ts";
import { registerSettingsCommand } from "./commands/settings.ts";
import { registerExplainCommand } from "./commands/explain.ts";
import { registerStateCommands } from "./commands/state.ts";
import { registerVerifyCommand } from "./commands/verify.ts";
import type { CliContext } from "./command.ts";
import type { CommandResult } from "./failure.ts";
import type { Starters } from "./starters.ts";
import type { Terminal } from "./terminal.ts";

/** What the CLI runs in. */
export type CliOptions = {
  readonly terminal: Terminal;
  readonly starters: () => Promise<Starters>;
  readonly rendererFolder: string | null;
  readonly version: string;
};

/**
 * Runs one command line.
 *
 * @param args Without the program's name.
 * @returns the exit code; whatever there is to say was said to the terminal.
 */
export async function runCli(args: readonly string[], options: CliOptions): Promise<number> {
  const { terminal } = options;
  const outcomes: CommandResult[] = [];
  const program = new Command("tidemark")
    .description("Shared tables for a room of computers with no server.")
    .version(options.version)
    .showHelpAfterError("(tidemark help COMMAND shows how)")
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.error })
    .exitOverride();
  const context: CliContext = {
    program,
    terminal,
    starters: options.starters,
    rendererFolder: options.rendererFolder,
    finish: (outcome) => outcomes.push(outcome),
  };
  registerServeCommands(context);
  registerRepairCommands(context);
  registerClusterCommands(context);
  registerMemberCommands(context);
  registerStateCommands(context);
  registerVerifyCommand(context);
  registerExplainCommand(context);
  registerSettingsCommand(context);
  registerDataCommands(context);
  registerBackupCommands(context);
  registerPastCommands(context);
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (cause) {
    // Commander throws for its own exits: 0 after help and version, else a wrong usage.
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : 2;
    throw cause;
  }
  const outcome = outcomes[0] ?? ok(null);
  if (outcome.ok) return 0;
  terminal.error(`tidemark: ${outcome.error.message}\n`);
  return outcome.error.exitCode;
}
