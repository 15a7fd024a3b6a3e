/**
 * Runs what was packed, from outside the repository so that no `node_modules` is in reach: the
 * command line and a headless member, the agent as the utility process would start it, and the
 * main process against the recording stand-in of `electron`.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extractAll } from "@electron/asar";
import { build } from "vite";
import { ROOT } from "./project.mjs";

const PATIENCE_MS = 30_000;

/**
 * @param resources The packed app's `resources` folder.
 * @returns one line per thing that does not work.
 */
export async function runPackedCode(resources) {
  const place = mkdtempSync(join(tmpdir(), "tidemark-package-"));
  try {
    const archive = join(place, "app.asar");
    const unpacked = join(place, "app.asar.unpacked");
    extractAll(join(resources, "app.asar"), archive);
    cpSync(join(resources, "app.asar.unpacked"), unpacked, { recursive: true });
    const dataFolder = join(place, "data");
    return [
      ...(await checkCommandLine(archive, dataFolder)),
      ...(await checkAgentProcess(unpacked, dataFolder)),
      ...(await checkMain(archive, unpacked, join(place, "main-data"))),
    ];
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** A new workspace, a headless member on it, its page under its policy, a query, a quiet end. */
async function checkCommandLine(archive, dataFolder) {
  const cli = (...argv) => [join(archive, "dist/cli.js"), ...argv, "--data", dataFolder];
  const created = await runToEnd(cli("create", "--name", "Packed"));
  if (created.code !== 0) return [`cli create ended with ${created.code}: ${created.output}`];
  const local = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--no-mdns"];
  const server = startNode(cli("serve", ...local));
  try {
    const ready = await server.waitFor(/tidemark ready http=(\S+) member=\S+/);
    if (ready === null) return [`cli serve did not get ready: ${server.output}`];
    const address = ready[1];
    const page = await fetch(address);
    const policy = page.headers.get("content-security-policy") ?? "";
    const queried = await runToEnd(cli("sql", "select 6 * 7 as answer", "--json"));
    const failures = [
      ...expectThat(page.status === 200, `the page answers ${page.status}`),
      ...expectThat(policy.includes("default-src 'none'"), "the page has no strict policy"),
      ...expectThat(queried.output.includes("42"), `a query gives ${queried.output}`),
    ];
    server.child.kill("SIGTERM");
    const code = await server.ended;
    return [...failures, ...expectThat(code === 0, `serve ended with ${code} after SIGTERM`)];
  } finally {
    server.child.kill("SIGKILL");
  }
}

/** The agent behind a port, as a window sees it. */
async function checkAgentProcess(unpacked, dataFolder) {
  const shim = join(ROOT, "build/scripts/utility-process-shim.mjs");
  const agent = join(unpacked, "dist/agent.js");
  const outcome = await runToEnd(["--import", shim, agent, "--data", dataFolder]);
  return [
    ...expectThat(outcome.output.includes('"name":"Packed"'), `agent status: ${outcome.output}`),
    ...expectThat(outcome.code === 0, `the agent ended with ${outcome.code} when asked to stop`),
  ];
}

/** The main process up to its first window. */
async function checkMain(archive, unpacked, dataFolder) {
  await bundleStandIn(join(archive, "node_modules/electron"));
  const driver = join(archive, "drive-main.mjs");
  writeFileSync(driver, DRIVER);
  const outcome = await runToEnd([driver, "--data", dataFolder]);
  if (outcome.code !== 0) return [`main ended with ${outcome.code}: ${outcome.output}`];
  const seen = JSON.parse(outcome.output.trim().split("\n").at(-1));
  const { preferences } = seen;
  return [
    ...expectThat(preferences.sandbox && preferences.contextIsolation, "the window is open wide"),
    ...expectThat(preferences.nodeIntegration === false, "the page would get Node"),
    ...expectThat(existsSync(preferences.preload), `${preferences.preload} is missing`),
    ...expectThat(seen.modulePath === join(unpacked, "dist/agent.js"), `agent: ${seen.modulePath}`),
    ...expectThat(existsSync(seen.trayIcon), `${seen.trayIcon} is missing`),
    ...expectThat(seen.pageStatus === 200, `app://tidemark/ answers ${seen.pageStatus}`),
    ...expectThat(seen.pagePolicy.includes("default-src 'none'"), "app:// has no strict policy"),
    ...expectThat(seen.scriptStatus === 200, `the page's script answers ${seen.scriptStatus}`),
  ];
}

const DRIVER = `
import * as electron from "electron";
await import("./dist/main/main.js");
electron.app.isPackaged = true;
electron.app.becomeReady();
await new Promise((resolve) => setTimeout(resolve, 100));
const ask = electron.protocol.handlers.get("app");
const page = await ask(new Request("app://tidemark/index.html"));
const script = /src="([^"]+)"/.exec(await page.text())[1];
const scriptAnswer = await ask(new Request(new URL(script, "app://tidemark/index.html")));
const { windows, children, trays } = electron.record;
console.log(JSON.stringify({
  preferences: windows[0].options.webPreferences,
  modulePath: children[0].modulePath,
  trayIcon: trays[0].image.path,
  pageStatus: page.status,
  pagePolicy: page.headers.get("content-security-policy"),
  scriptStatus: scriptAnswer.status,
}));
process.exit(0);
`;

async function bundleStandIn(folder) {
  mkdirSync(folder, { recursive: true });
  await build({
    configFile: false,
    root: ROOT,
    logLevel: "warn",
    build: {
      ssr: "test/desktop/electron-stand-in.ts",
      outDir: folder,
      emptyOutDir: false,
      rolldownOptions: { output: { entryFileNames: "main.js" } },
    },
  });
  const manifest = { name: "electron", version: "0.0.0", type: "module", main: "main.js" };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
}

function expectThat(isTrue, failure) {
  return isTrue ? [] : [failure];
}

async function runToEnd(argv) {
  const running = startNode(argv);
  const timer = setTimeout(() => running.child.kill("SIGKILL"), PATIENCE_MS);
  const code = await running.ended;
  clearTimeout(timer);
  return { code, output: running.output };
}

/** A Node process whose output is kept. `code` is null when it had to be killed. */
function startNode(argv) {
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  const running = { child, output: "", ended: null, waitFor: null };
  const listeners = new Set();
  const collect = (chunk) => {
    running.output += chunk;
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  running.ended = new Promise((resolve) => child.on("close", resolve));
  running.waitFor = (pattern) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), PATIENCE_MS);
      const look = () => {
        const match = pattern.exec(running.output);
        if (match === null) return;
        clearTimeout(timer);
        listeners.delete(look);
        resolve(match);
      };
      listeners.add(look);
      void running.ended.then(() => resolve(null));
      look();
    });
  return running;
}
