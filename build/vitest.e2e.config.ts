import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { chromiumPath } from "./scripts/runtime.mjs";

/** The built app in a real browser. TIDEMARK_CHROMIUM tells the tests which. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["test/e2e/**/*.test.ts"],
    env: { TIDEMARK_CHROMIUM: chromiumPath() ?? "" },
    pool: "forks",
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 20_000,
  },
});
