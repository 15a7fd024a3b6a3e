import { defineConfig } from "vite";
import { nodeBundle } from "./vite.base.ts";

/**
 * A program of the test folder that is run by itself: `test/<mode>/main.ts` becomes
 * `.cache/tools/<mode>.js`, as deep below the project's folder as its source.
 */
export default defineConfig(({ mode }) =>
  nodeBundle({
    entry: `test/${mode}/main.ts`,
    outFolder: ".cache/tools",
    outFile: `${mode}.js`,
    usesNodeModules: true,
  }),
);
