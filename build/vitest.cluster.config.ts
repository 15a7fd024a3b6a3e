import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Members as real processes of the built `dist`, on loopback. One file at a time: two cores. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["test/cluster/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
