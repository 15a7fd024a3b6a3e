import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Electron's main and preload code against a recording stand-in of the `electron` module. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  resolve: {
    alias: {
      electron: fileURLToPath(new URL("../test/desktop/electron-stand-in.ts", import.meta.url)),
    },
  },
  test: {
    include: ["test/desktop/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
