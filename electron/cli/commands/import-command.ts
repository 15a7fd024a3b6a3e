/** The command line of `import`: what it may say, and which kind of file goes which way. */
import type { FileEncoding } from "../../../shared/interchange/text-decoder.ts";
import { FILE_ENCODINGS } from "../../../shared/interchange/text-decoder.ts";
import { formatOfFile, formatOfName } from "../../../shared/interchange/records.ts";
import type { AgentClient } from "../agent-client.ts";
import {
  addCommand,
  withAgent,
  type CliContext,
  type CommandScope,
  type CommonOptions,
} from "../command.ts";
import { openSource, type DiskSource } from "../disk-source.ts";
import { fail, type CommandResult } from "../failure.ts";
import { importFile } from "./import.ts";
import { importSqlite } from "./import-sqlite.ts";

type ImportOptions = CommonOptions & {
  readonly table?: string;
  readonly format?: string;
  readonly encoding: string;
  readonly delimiter?: string;
  readonly header: string;
  readonly sheet?: string;
  readonly errors?: string;
  readonly create?: true;
  readonly preview?: true;
};

const NO_TABLE = "--table says where the rows go.";
const FORMATS = ["csv", "json", "ndjson", "xlsx", "sqlite"];
const HEADERS: Readonly<Record<string, boolean | null>> = { auto: null, yes: true, no: false };

/** Registers `import`. */
export function registerImport(context: CliContext): void {
  addCommand(context, "import <file>", "add the rows of a CSV, JSON, XLSX or SQLite file")
    .option("--table <table>", "where they go; made when it is missing. Of SQLite: only this one")
    .option("--format <format>", `${FORMATS.join(", ")} (default: found out)`)
    .option("--encoding <name>", FILE_ENCODINGS.join(", "), "auto")
    .option("--delimiter <character>", "of CSV (default: found out from the first line)")
    .option("--header <answer>", "whether the first line names the columns: yes, no, auto", "auto")
    .option("--sheet <name>", "of XLSX (default: the first one)")
    .option("--errors <file>", "leave out rows that do not fit, and save them in this CSV file")
    .option("--create", "refuse when the table exists already")
    .option("--preview", "only say what was found and what would be done")
    .action((file: string, options: ImportOptions) => {
      const wrong = usageProblem(file, options);
      if (wrong !== null) {
        context.finish(fail(wrong, 2));
        return undefined;
      }
      return withAgent(context, options, (client, scope) =>
        importAny(client, scope, file, options),
      );
    });
}

function usageProblem(file: string, options: ImportOptions): string | null {
  const { table, format, encoding, delimiter, header } = options;
  const named = format ?? formatOfName(file);
  if (table === undefined && named !== null && named !== "sqlite") return NO_TABLE;
  if (format !== undefined && !FORMATS.includes(format)) {
    return `--format is ${FORMATS.join(", ")}.`;
  }
  const isEncoding = FILE_ENCODINGS.some((name) => name === encoding);
  if (!isEncoding || (delimiter !== undefined && !/^([^"\r\n]|\\t)$/.test(delimiter))) {
    return `--encoding is ${FILE_ENCODINGS.join(", ")}; --delimiter is one character.`;
  }
  return header in HEADERS ? null : "--header is yes, no or auto.";
}

async function importAny(
  client: AgentClient,
  scope: CommandScope,
  file: string,
  options: ImportOptions,
): Promise<CommandResult> {
  const source = await openSource(file);
  if (!source.ok) return source;
  try {
    return await importOpened(client, scope, source.value, { file, options });
  } finally {
    await source.value.close();
  }
}

async function importOpened(
  client: AgentClient,
  scope: CommandScope,
  source: DiskSource,
  { file, options }: { readonly file: string; readonly options: ImportOptions },
): Promise<CommandResult> {
  const { table, create = false, preview = false } = options;
  const found = options.format ?? (await formatOfFile(source));
  if (found === "sqlite") {
    const request = { file, table: table ?? null, isPreview: preview };
    return importSqlite(client, scope, source, request);
  }
  if (table === undefined) return fail(NO_TABLE, 2);
  const encoding = FILE_ENCODINGS.find((name): name is FileEncoding => name === options.encoding);
  return importFile(client, scope, source, {
    file,
    table,
    isNew: create,
    isPreview: preview,
    errorsFile: options.errors ?? null,
    settings: {
      format: found === "xlsx" ? "xlsx" : found === "csv" ? "csv" : "json",
      encoding: encoding ?? "auto",
      delimiter: options.delimiter === "\\t" ? "\t" : (options.delimiter ?? null),
      sheet: options.sheet ?? null,
      hasHeader: HEADERS[options.header] ?? null,
    },
  });
}
