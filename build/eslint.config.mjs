/**
 * Rules that a machine can keep: size, banned calls, types. What may import what is in
 * `dependency-cruiser.cjs`, docstrings and file names in `scripts/check-docs.mjs`.
 *
 * The file lives here and not at the top, so eslint is always called with `--config`.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "eslint/config";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import tseslint from "typescript-eslint";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Where a clock is read, a timer set, a random number drawn: the files that implement a port. */
const PORT_FILES = [
  "electron/agent/platform/**",
  "electron/agent/pairing/{identity,certificate}.ts",
  "electron/agent/transport/tls-network.ts",
  "electron/agent/transport/backoff.ts",
];

const TYPED = ["shared/**/*.ts", "electron/**/*.ts", "renderer/**/*.ts", "test/**/*.ts"];

const HOUSE_SYNTAX = [
  {
    selector: "CatchClause > BlockStatement[body.length=0]",
    message: "Turn the error into a code, add context and rethrow, or do not catch it.",
  },
  {
    selector: "Program > VariableDeclaration[kind=/let|var/]",
    message: "No mutable module state: make it a field of something that somebody owns.",
  },
  {
    selector: "Program > ExportNamedDeclaration > VariableDeclaration[kind=/let|var/]",
    message: "No mutable module state: make it a field of something that somebody owns.",
  },
  {
    selector: "ExportAllDeclaration",
    message: "No re-exports of whole modules: import from the file that has it.",
  },
];

const NO_CLOCK_SYNTAX = [
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: "Use ports.clock.wallMs().",
  },
];

const SIZES = {
  "max-lines": ["error", { max: 400, skipBlankLines: false, skipComments: false }],
  "max-lines-per-function": ["error", { max: 60, skipBlankLines: false, skipComments: false }],
  "max-params": ["error", { max: 4 }],
};

export default defineConfig(
  { ignores: ["node_modules/", "dist/", "release/", ".cache/", "test/golden/", "build/canary/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: [...TYPED, "build/**/*.{ts,mjs,cjs}", "**/*.svelte"],
    extends: [tseslint.configs.strict, svelte.configs.recommended],
    rules: {
      ...SIZES,
      "no-empty": ["error", { allowEmptyCatch: false }],
      "no-warning-comments": ["error", { terms: ["todo", "fixme", "xxx"], location: "anywhere" }],
      "no-restricted-syntax": ["error", ...HOUSE_SYNTAX],
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      // Controllers keep plain maps and bump one counter: a reactive map per row is too slow.
      "svelte/prefer-svelte-reactivity": "off",
      // svelte-check knows which warnings there are; this rule reads the reason as more codes.
      "svelte/no-unused-svelte-ignore": "off",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_" },
      ],
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/no-invalid-void-type": "off",
      "@typescript-eslint/unified-signatures": "off",
    },
  },
  {
    files: TYPED,
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: ROOT } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: ["shared/**/*.ts", "electron/agent/**/*.ts"],
    ignores: PORT_FILES,
    rules: {
      "no-restricted-syntax": ["error", ...HOUSE_SYNTAX, ...NO_CLOCK_SYNTAX],
      "no-restricted-globals": [
        "error",
        { name: "setTimeout", message: "Use ports.clock.after(delayMs, callback)." },
        { name: "setInterval", message: "Use ports.clock.after and set it anew each time." },
        { name: "performance", message: "Use ports.clock.nowMs()." },
        { name: "crypto", message: "Use ports.random.bytes(count)." },
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Use ports.clock.wallMs() or nowMs()." },
        { object: "Math", property: "random", message: "Use ports.random.rng." },
        { property: "randomBytes", message: "Use ports.random.bytes(count)." },
        { property: "randomUUID", message: "Use ports.random.bytes(count)." },
        { property: "getRandomValues", message: "Use ports.random.bytes(count)." },
      ],
      "no-restricted-imports": [
        "error",
        {
          paths: ["node:crypto", "crypto"].map((name) => ({
            name,
            importNames: ["randomBytes", "randomUUID", "randomInt", "webcrypto"],
            message: "Use ports.random.bytes(count).",
          })),
          patterns: [{ regex: "^(node:)?(timers|perf_hooks)", message: "Use ports.clock." }],
        },
      ],
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
  },
  {
    files: ["**/*.svelte"],
    languageOptions: { globals: globals.browser },
    // A component's state is a `let $state` at the top of its script; that is not module state.
    rules: {
      "no-restricted-syntax": ["error", HOUSE_SYNTAX[0]],
      "prefer-const": "off",
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // The body of a `describe` is a list of tests, not a function with a flow.
      "max-lines-per-function": "off",
      // vitest runs each file in a module graph of its own; `beforeEach` sets such variables.
      "no-restricted-syntax": ["error", HOUSE_SYNTAX[0], HOUSE_SYNTAX[3]],
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  { files: ["build/**/*.{mjs,cjs}"], languageOptions: { globals: globals.node } },
  { files: ["build/**/*.cjs"], rules: { "@typescript-eslint/no-require-imports": "off" } },
);
