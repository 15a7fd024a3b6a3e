import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Members of the built `dist` in network namespaces of their own. One file at a time: two cores. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["test/chaos/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
