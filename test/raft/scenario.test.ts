import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runScenario } from "./scenario.ts";

const FOLDER = new URL("scenarios/", import.meta.url);
const IS_RECORDING = process.env["RECORD"] === "1";

// `RECORD=1` draws the pictures anew; they are then reviewed like code.
describe("scenarios go as they are written", () => {
  for (const name of readdirSync(FOLDER).sort()) {
    it(name, () => {
      const file = new URL(name, FOLDER);
      const text = readFileSync(file, "utf8");
      const drawn = runScenario(text);
      if (IS_RECORDING) writeFileSync(file, drawn);
      else expect(drawn).toBe(text);
    });
  }
});
