/**
 * Who may import whom. Folders are layers and environments: what runs without Node, what runs
 * without Electron, what may block. The reasons are in the project's README, "the map".
 */
const SVELTE_FEATURES = "^renderer/(?!(?:parts|text|agent|theme|styles|fonts)/)[^/]+/";

/** A rule that holds for every kind of import, types included. */
function forbid(name, comment, from, to) {
  return { name, comment, severity: "error", from, to };
}

module.exports = {
  forbidden: [
    forbid(
      "no-cycles",
      "Files that need each other are one file or lack a third.",
      {},
      {
        circular: true,
      },
    ),
    forbid("resolvable", "An import must lead somewhere.", {}, { couldNotResolve: true }),
    forbid(
      "raft-knows-only-base",
      "The consensus core sees payloads as bytes; nothing else may leak into it.",
      { path: "^shared/raft/" },
      { pathNot: "^shared/(raft|base)/" },
    ),
    forbid(
      "shared-is-pure",
      "shared/ runs anywhere: no Node, no DOM, no packages.",
      { path: "^shared/" },
      { pathNot: "^shared/" },
    ),
    forbid(
      "store-worker-is-alone",
      "The store knows tables and bytes; it knows no members, no network, no log.",
      { path: "^electron/store-worker/" },
      {
        pathNot:
          "^(electron/store-worker/|shared/(base|changes|api)/|node_modules/(@types/)?sql\\.js/)",
        dependencyTypesNot: ["core"],
      },
    ),
    forbid(
      "only-types-of-the-api-in-the-store",
      "Shapes of answers are shared; the API's code is not the store's.",
      { path: "^electron/store-worker/" },
      { path: "^shared/(api|cluster|protocol|raft)/", dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "sql-js-only-in-the-store",
      "Everything that touches SQLite runs in the worker, where it cannot delay a heartbeat.",
      { path: "^(shared|renderer|electron/(agent|cli|main|preload))/" },
      { path: "node_modules/(@types/)?sql\\.js/" },
    ),
    forbid(
      "agent-without-electron",
      "The same agent runs under plain Node.",
      { path: "^electron/(agent|cli|store-worker)/" },
      { path: "(^|/)node_modules/electron/|^electron/(main|preload)/" },
    ),
    forbid(
      "agent-knows-only-types-of-the-store",
      "The agent talks to the worker by messages.",
      { path: "^electron/agent/" },
      { path: "^electron/store-worker/", dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "agent-below-cli",
      "Commands use the agent, never the other way round.",
      { path: "^electron/agent/" },
      { path: "^(electron/cli|renderer|test|build)/" },
    ),
    forbid(
      "main-without-agent",
      "The main process starts the agent by path; no replication code runs in it.",
      { path: "^electron/(main|preload)/" },
      { path: "^(electron/(agent|store-worker|cli)|renderer|test|build)/" },
    ),
    forbid(
      "features-do-not-know-each-other",
      "Features meet in App; what two of them need is a part.",
      { path: "^renderer/([^/]+)/" },
      { path: SVELTE_FEATURES, pathNot: "^renderer/$1/" },
    ),
    forbid(
      "parts-know-no-feature",
      "What everybody uses depends on nobody.",
      { path: "^renderer/(parts|text|agent|theme)/" },
      { path: SVELTE_FEATURES },
    ),
    forbid(
      "renderer-imports",
      "The window knows the API and the data's shapes, nothing of Node, Electron or the agent.",
      { path: "^renderer/" },
      { path: "^(electron|test|build|shared/(raft|protocol))/" },
    ),
    forbid(
      "renderer-without-node",
      "The window is a web page.",
      { path: "^renderer/" },
      {
        dependencyTypes: ["core"],
      },
    ),
    forbid(
      "no-test-code-in-the-product",
      "Fakes stay in test/.",
      {
        path: "^(shared|electron|renderer)/",
      },
      { path: "^test/" },
    ),
    forbid(
      "no-index-files",
      "Import from the file that has it.",
      {},
      {
        path: "/index\\.(ts|js|mjs)$",
        pathNot: "node_modules",
      },
    ),
    forbid(
      "no-undeclared-packages",
      "What is imported stands in package.json.",
      { path: "^(shared|electron|renderer|test)/" },
      { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|release|\\.cache)/|\\.css$" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["svelte", "import", "node", "default"],
      mainFields: ["module", "main", "types"],
      extensions: [".ts", ".js", ".mjs", ".svelte", ".d.ts"],
    },
    skipAnalysisNotInRules: true,
    cache: { folder: ".cache/dependency-cruiser", strategy: "content" },
  },
};
