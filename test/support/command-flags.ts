import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";

/** What a tool's command line says. */
export type Flags<T extends ParseArgsConfig> = ReturnType<typeof parseArgs<T>>["values"];

/**
 * The flags of a tool. `--help` is none of them: it comes back as an error without words, so that
 * whoever prints the error with the tool's usage prints the usage.
 */
export function commandFlags<const T extends ParseArgsConfig>(config: T): Result<Flags<T>, string> {
  const args = config.args ?? process.argv.slice(2);
  if (args.includes("--help")) return err("");
  try {
    return ok(parseArgs(config).values);
  } catch (cause) {
    if (cause instanceof TypeError && "code" in cause) return err(cause.message);
    throw cause;
  }
}
