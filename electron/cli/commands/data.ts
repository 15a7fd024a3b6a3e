/** `sql`, `import`, `export`, `backup`: the data itself. */
import type { AckLevel, ReadLevel } from "../../../shared/api/methods.ts";
import type { FileOptions } from "../../agent/interchange/table-file.ts";
import { FILE_ENCODINGS, type FileEncoding } from "../../agent/interchange/text-decoder.ts";
import { addCommand, withAgent, type CliContext, type CommonOptions } from "../command.ts";
import { fail } from "../failure.ts";
import { parseMoment, type MomentOptions } from "../past-moment.ts";
import { backup } from "./backup.ts";
import { exportTable } from "./export.ts";
import { importFile } from "./import.ts";
import { runSql } from "./sql.ts";

type SqlOptions = CommonOptions & {
  readonly params?: string;
  readonly readLevel?: string;
  readonly maxStalenessMs?: string;
  readonly ack?: string;
} & MomentOptions;

type ImportOptions = CommonOptions & {
  readonly table: string;
  readonly format?: string;
  readonly encoding: string;
  readonly delimiter?: string;
  readonly create?: true;
};

type ExportOptions = CommonOptions & {
  readonly table: string;
  readonly format: string;
  readonly raw?: true;
} & MomentOptions;

/** Registers them. */
export function registerDataCommands(context: CliContext): void {
  registerSql(context);
  registerImport(context);
  registerExport(context);
  addCommand(context, "backup <file>", "write the database as a plain SQLite file").action(
    (file: string, options: CommonOptions) =>
      withAgent(context, options, (client, scope) => backup(client, scope, file)),
  );
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

function registerImport(context: CliContext): void {
  addCommand(context, "import <file>", "add the rows of a CSV or JSON file to a table")
    .requiredOption("--table <table>", "the table; made when it is missing")
    .option("--format <format>", "csv or json (default: by the file's name)")
    .option("--encoding <name>", FILE_ENCODINGS.join(", "), "auto")
    .option("--delimiter <character>", "of CSV (default: found out from the first line)")
    .option("--create", "refuse when the table exists already")
    .action((file: string, options: ImportOptions) => {
      const format = options.format ?? formatOf(file);
      const encoding = FILE_ENCODINGS.find(
        (name): name is FileEncoding => name === options.encoding,
      );
      const delimiter = options.delimiter === "\\t" ? "\t" : (options.delimiter ?? null);
      if (format !== "csv" && format !== "json") {
        context.finish(fail("--format is csv or json.", 2));
        return undefined;
      }
      if (encoding === undefined || (delimiter !== null && !/^[^"\r\n]$/.test(delimiter))) {
        const names = FILE_ENCODINGS.join(", ");
        context.finish(fail(`--encoding is ${names}; --delimiter is one character.`, 2));
        return undefined;
      }
      const { table, create = false } = options;
      const fileOptions: FileOptions = { format, encoding, delimiter };
      const request = { file, table, isNew: create, options: fileOptions };
      return withAgent(context, options, (client, scope) => importFile(client, scope, request));
    });
}

function registerExport(context: CliContext): void {
  addCommand(context, "export", "print a table; its as-of position goes to stderr")
    .requiredOption("--table <table>", "the table or view")
    .option("--format <format>", "csv or json", "csv")
    .option("--raw", "CSV: do not guard text that a spreadsheet would run as a formula")
    .option("--at <time>", AT_HELP)
    .option("--as-of <position>", AS_OF_HELP)
    .action((options: ExportOptions) => {
      const { format, table, raw = false } = options;
      if (format !== "csv" && format !== "json") {
        context.finish(fail("--format is csv or json.", 2));
        return undefined;
      }
      const moment = parseMoment(options);
      if (!moment.ok) {
        context.finish(moment);
        return undefined;
      }
      const request = { table, format, isRaw: raw, moment: moment.value } as const;
      return withAgent(context, options, (client, scope) => exportTable(client, scope, request));
    });
}

function formatOf(file: string): string {
  return /\.(json|ndjson|jsonl)$/i.test(file) ? "json" : "csv";
}
