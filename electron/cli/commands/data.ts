/** `sql`, `import`, `export`: the data itself. */
import type { AckLevel, ReadLevel } from "../../../shared/api/methods.ts";
import { addCommand, withAgent, type CliContext, type CommonOptions } from "../command.ts";
import { fail } from "../failure.ts";
import { parseMoment, type MomentOptions } from "../past-moment.ts";
import { exportTable } from "./export.ts";
import { registerImport } from "./import-command.ts";
import { runSql } from "./sql.ts";

type SqlOptions = CommonOptions & {
  readonly params?: string;
  readonly readLevel?: string;
  readonly maxStalenessMs?: string;
  readonly ack?: string;
} & MomentOptions;

type ExportOptions = CommonOptions & {
  readonly table?: string;
  readonly format: string;
  readonly file?: string;
  readonly raw?: true;
} & MomentOptions;

const EXPORT_FORMATS = ["csv", "json", "ndjson", "xlsx", "sqlite"] as const;

/** Registers them. */
export function registerDataCommands(context: CliContext): void {
  registerSql(context);
  registerImport(context);
  registerExport(context);
}

const AT_HELP = "as it was at this time, e.g. 2026-11-03T18:00, by the leaders' clocks";
const AS_OF_HELP = "as it was after this transaction, TERM:INDEX";
const READ_LEVELS: readonly ReadLevel[] = ["local", "bounded", "session", "linearizable"];
const ACK_LEVELS: readonly AckLevel[] = ["flushed", "committed", "applied"];

function registerSql(context: CliContext): void {
  addCommand(context, "sql <statements...>", "run SQL; several statements are one transaction")
    .option("--params <json>", "parameters of the (one) statement: an array or an object")
    .option("--read-level <level>", READ_LEVELS.join(", "))
    .option("--max-staleness-ms <ms>", "with --read-level bounded")
    .option("--ack <level>", ACK_LEVELS.join(", "))
    .option("--at <time>", AT_HELP)
    .option("--as-of <position>", AS_OF_HELP)
    .action((statements: string[], options: SqlOptions) => {
      const readLevel = READ_LEVELS.find((level) => level === options.readLevel);
      const ack = ACK_LEVELS.find((level) => level === options.ack);
      const isWrong =
        (options.readLevel !== undefined && readLevel === undefined) ||
        (options.ack !== undefined && ack === undefined);
      if (isWrong) {
        const levels = `--read-level is ${READ_LEVELS.join(", ")}; --ack is ${ACK_LEVELS.join(", ")}`;
        context.finish(fail(`${levels}.`, 2));
        return undefined;
      }
      const moment = parseMoment(options);
      if (!moment.ok) {
        context.finish(moment);
        return undefined;
      }
      const { params = null, maxStalenessMs = null } = options;
      const request = {
        ...{ statements, params, readLevel, maxStalenessMs, ack },
        moment: moment.value,
      };
      return withAgent(context, options, (client, scope) => runSql(client, scope, request));
    });
}

function registerExport(context: CliContext): void {
  addCommand(context, "export", "write a table or the database; its as-of position goes to stderr")
    .option("--table <table>", "the table or view; a SQLite file holds all of them without it")
    .option("--format <format>", EXPORT_FORMATS.join(", "), "csv")
    .option("--file <file>", "where it goes (default: stdout)")
    .option("--raw", "CSV: do not guard text that a spreadsheet would run as a formula")
    .option("--at <time>", AT_HELP)
    .option("--as-of <position>", AS_OF_HELP)
    .action((options: ExportOptions) => {
      const { table = null, file = null, raw: isRaw = false } = options;
      const format = EXPORT_FORMATS.find((name) => name === options.format);
      if (format === undefined || (table === null && format !== "sqlite")) {
        const problem =
          format === undefined
            ? `--format is ${EXPORT_FORMATS.join(", ")}.`
            : "--table says what is exported.";
        context.finish(fail(problem, 2));
        return undefined;
      }
      const moment = parseMoment(options);
      if (!moment.ok) {
        context.finish(moment);
        return undefined;
      }
      const request = { table, format, isRaw, file, moment: moment.value };
      return withAgent(context, options, (client, scope) => exportTable(client, scope, request));
    });
}
