import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** Unit, contract, golden and simulator tests. Cluster, chaos, desktop and e2e tests have their own. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  plugins: [svelte({ configFile: false })],
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/**", "test/cluster/**", "test/chaos/**", "test/desktop/**"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
