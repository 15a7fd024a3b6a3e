#!/usr/bin/env node
/**
 * `npm run dev`: the window from vite with hot reload, talking to a headless agent of its own
 * (data in `.cache/dev`). A change under `electron/` or `shared/` rebuilds and restarts the
 * agent. Arguments go to `serve`.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { createServer } from "vite";
import { buildAll, buildOrExit } from "./build.mjs";
import { ROOT } from "./project.mjs";

const AGENT = "127.0.0.1:4610";
const DATA_FOLDER = join(ROOT, ".cache/dev");
const AGENT_PARTS = ["cli", "store-worker"];

/** Runs the agent, one process at a time. */
class DevAgent {
  #child = null;

  start() {
    const argv = ["dist/cli.js", "serve", "--data", DATA_FOLDER, "--http", AGENT];
    argv.push(...process.argv.slice(2));
    this.#child = spawn(process.execPath, argv, { cwd: ROOT, stdio: "inherit" });
  }

  async stop() {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGTERM");
    });
  }

  async rebuildAndRestart() {
    const failures = await buildAll({ names: AGENT_PARTS, isQuiet: true });
    for (const failure of failures) console.error(failure);
    if (failures.length > 0) return;
    await this.stop();
    this.start();
  }
}

/** Requests reach the agent as if its own page had made them: it checks Host and Origin. */
function proxyRule(isSocket) {
  return {
    target: `http://${AGENT}`,
    changeOrigin: true,
    ws: isSocket,
    configure: (proxy) => {
      const asOwnPage = (request) => request.setHeader("origin", `http://${AGENT}`);
      proxy.on("proxyReq", asOwnPage);
      proxy.on("proxyReqWs", asOwnPage);
    },
  };
}

/** Calls back once after changes have settled for 200 ms. */
function watchSources(onSettled) {
  let timer = null;
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(onSettled, 200);
  };
  return ["electron", "shared"].map((folder) =>
    watch(join(ROOT, folder), { recursive: true }, settle),
  );
}

mkdirSync(DATA_FOLDER, { recursive: true });
await buildOrExit({ names: AGENT_PARTS, isQuiet: true });
const agent = new DevAgent();
agent.start();
const server = await createServer({
  configFile: join(ROOT, "build/vite.renderer.config.ts"),
  server: {
    host: "127.0.0.1",
    proxy: { "/ws": proxyRule(true), "/api": proxyRule(false), "/auth": proxyRule(false) },
  },
});
await server.listen();
const watchers = watchSources(() => void agent.rebuildAndRestart());

const tokenFile = join(DATA_FOLDER, "api-token");
const token = existsSync(tokenFile) ? readFileSync(tokenFile, "utf8").trim() : null;
const address = server.resolvedUrls?.local[0] ?? "";
console.log(`window: ${address}${token === null ? "" : `#token=${token}`}`);
if (token === null) console.log(`the token will be in ${tokenFile}; add #token=... to the address`);

function end() {
  for (const watcher of watchers) watcher.close();
  void Promise.all([agent.stop(), server.close()]).then(() => process.exit(0));
}

process.once("SIGINT", end);
process.once("SIGTERM", end);
