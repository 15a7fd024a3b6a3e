import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import type { UserConfig } from "vite";

/** The project's folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as { version: string };

/** Constants that take the place of names in every bundle. */
export const DEFINE = { __TIDEMARK_VERSION__: JSON.stringify(manifest.version) };

const NODE_MODULES = builtinModules.flatMap((name) => [name, `node:${name}`]);

/**
 * One self-contained file for Node: every npm package is inside, so `dist` runs without
 * `node_modules`. A single file, never chunks: the agent looks for the store worker beside
 * itself, and "beside" must mean the same for all of its code.
 */
export function nodeBundle(options: {
  readonly entry: string;
  readonly outFolder: string;
  readonly outFile: string;
  readonly format?: "es" | "cjs";
  readonly external?: readonly string[];
  /** For tools that run inside the repository: npm packages stay where they are. */
  readonly usesNodeModules?: boolean;
  readonly plugins?: UserConfig["plugins"];
}): UserConfig {
  const isModule = (options.format ?? "es") === "es";
  return {
    root: ROOT,
    publicDir: false,
    logLevel: "warn",
    plugins: options.plugins ?? [],
    define: {
      ...DEFINE,
      // ws would otherwise look for two native packages we do not ship.
      "process.env.WS_NO_BUFFER_UTIL": '"1"',
      "process.env.WS_NO_UTF_8_VALIDATE": '"1"',
      ...(isModule ? { __dirname: "import.meta.dirname", __filename: "import.meta.filename" } : {}),
    },
    ssr: options.usesNodeModules ? { target: "node" } : { noExternal: true, target: "node" },
    build: {
      ssr: options.entry,
      outDir: options.outFolder,
      emptyOutDir: false,
      target: "node20",
      minify: false,
      sourcemap: options.usesNodeModules ?? false,
      reportCompressedSize: false,
      rolldownOptions: {
        external: [...NODE_MODULES, ...(options.external ?? [])],
        output: {
          format: options.format ?? "es",
          entryFileNames: options.outFile,
          codeSplitting: false,
        },
      },
    },
  };
}
