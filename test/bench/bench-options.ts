import { err, ok, type Result } from "../../shared/base/result.ts";
import { commandFlags } from "../support/command-flags.ts";

/** What can be measured by itself; the later ones begin with an import of their own. */
export const SECTIONS = [
  "limits",
  "store",
  "commits",
  "failover",
  "import",
  "cli-import",
  "mirror",
  "start",
  "memory",
  "large-file",
] as const;

/** One of them. */
export type SectionName = (typeof SECTIONS)[number];

/** How much is measured. */
export type BenchSizes = {
  readonly rowCount: number;
  /** Per number of clients. */
  readonly commitMs: number;
  readonly failoverCount: number;
  readonly limitMs: number;
  /** Of the file that is imported while memory is looked at. */
  readonly fileMib: number;
};

/** What a run was asked for. */
export type BenchOptions = {
  readonly sizes: BenchSizes;
  readonly sections: readonly SectionName[];
  readonly isJson: boolean;
  /** The built command line that the members run. */
  readonly program: string;
  /** Where the members write CPU profiles; null: none. */
  readonly profileFolder: string | null;
};

const FULL: BenchSizes = {
  rowCount: 1_000_000,
  commitMs: 5_000,
  failoverCount: 10,
  limitMs: 1_000,
  fileMib: 300,
};
const QUICK: BenchSizes = {
  rowCount: 50_000,
  commitMs: 1_500,
  failoverCount: 3,
  limitMs: 400,
  fileMib: 10,
};

/** The words that explain the options. */
export const BENCH_USAGE = `npm run bench -- [options]
  --quick          small sizes, less than a minute
  --only NAMES     a list of: ${SECTIONS.join(", ")} (the limits come with each)
  --rows COUNT     rows of the import instead of 1,000,000
  --json           print JSON
  --program FILE   another build's cli.js instead of dist/cli.js
  --profile DIR    the members write CPU profiles there
`;

/** Reads the command line; the error is a sentence. */
export function parseBenchOptions(args: readonly string[]): Result<BenchOptions, string> {
  const flags = commandFlags({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      rows: { type: "string" },
      json: { type: "boolean", default: false },
      program: { type: "string", default: "dist/cli.js" },
      profile: { type: "string" },
    },
  });
  if (!flags.ok) return flags;
  const values = flags.value;
  const names = values.only?.split(",") ?? SECTIONS.filter((name) => name !== "limits");
  const sections = SECTIONS.filter((name) => names.includes(name));
  if (sections.length !== names.length) {
    return err(`--only takes a list of ${SECTIONS.join(", ")}.`);
  }
  const base = values.quick ? QUICK : FULL;
  const rowCount = values.rows === undefined ? base.rowCount : Number(values.rows);
  if (!Number.isSafeInteger(rowCount) || rowCount < 1) return err("--rows is a whole number.");
  return ok({
    sizes: { ...base, rowCount },
    sections,
    isJson: values.json,
    program: values.program,
    profileFolder: values.profile ?? null,
  });
}
