import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRng } from "../../shared/base/rng.ts";
import { HistoryWriter, loadHistory, readHistoryLines } from "../support/checkers/history-file.ts";
import { parseLine } from "../support/checkers/history-lines.ts";
import type { NewOperation } from "../support/checkers/history.ts";
import { makeClusterHistory } from "./generated-cluster.ts";

const HEADER = { source: "test", clockUncertaintyMs: 0.5, seed: 7, about: { members: 3 } };
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-history-"));
  path = join(folder, "history.jsonl");
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("a file", () => {
  test("comes back as it was written, also when it is larger than a block", () => {
    const plan = { operationCount: 9_000, processCount: 5, memberCount: 3, keyCount: 200 };
    const rest = { unknownShare: 0.1, lagMsMax: 50, valueCount: 0 };
    const operations = makeClusterHistory(seededRng(1), { ...plan, ...rest });
    const fault = { fault: "f1", what: "kill \u{1F30A}", phase: "moment", time: 5 } as const;
    const writer = new HistoryWriter(path, HEADER);
    for (const { id: _id, ...operation } of operations) writer.operation(operation as NewOperation);
    writer.fault(fault);
    writer.close();
    expect(readFileSync(path).length).toBeGreaterThan(1 << 20);
    expect(loadHistory(path)).toEqual({
      ok: true,
      value: { header: HEADER, operations, faults: [fault] },
    });
  });

  test("tells a file that was cut off from a whole one, and where", () => {
    const writer = new HistoryWriter(path, HEADER);
    writer.operation({
      process: "c1",
      kind: "write",
      key: "r",
      value: 1,
      start: 0,
      outcome: "unknown",
    });
    writer.close();
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, lines.slice(0, 2).join("\n"));
    expect([...readHistoryLines(path)].map((line) => line.ok)).toEqual([true, true, false]);
    expect(loadHistory(path)).toMatchObject({ ok: false, error: { code: "end-missing", line: 2 } });
    writeFileSync(path, `${lines[0] ?? ""}\n${lines[2] ?? ""}\n`);
    expect(loadHistory(path)).toMatchObject({ ok: false, error: { code: "count-wrong", line: 2 } });
    writeFileSync(path, `${lines[1] ?? ""}\n`);
    expect(loadHistory(path)).toMatchObject({
      ok: false,
      error: { code: "header-missing", line: 1 },
    });
    writeFileSync(path, "");
    expect(loadHistory(path)).toMatchObject({ ok: false, error: { code: "header-missing" } });
    expect(loadHistory(join(folder, "none"))).toMatchObject({ error: { code: "unreadable" } });
  });

  test("names the line that makes no sense", () => {
    writeFileSync(
      path,
      '{"type":"history","version":1,"source":"t","clockUncertaintyMs":0}\nhello\n',
    );
    expect(loadHistory(path)).toMatchObject({ error: { code: "malformed-line", line: 2 } });
  });
});

describe("a line", () => {
  const good = {
    type: "operation",
    id: 1,
    process: "c",
    start: 1,
    end: 2,
    outcome: "ok",
    kind: "read",
    key: "r",
    value: 1,
  };

  test("may carry fields that nobody knows", () => {
    expect(parseLine(JSON.stringify({ ...good, more: [1] })).ok).toBe(true);
  });

  test.each([
    ["another version", { type: "history", version: 2, source: "t", clockUncertaintyMs: 0 }],
    ["no type", {}],
    ["no process", { ...good, process: undefined }],
    ["an end before the start", { ...good, end: 0.5 }],
    ["an end of an unknown outcome", { ...good, outcome: "unknown" }],
    ["an answer without a value", { ...good, value: undefined }],
    ["a value without an answer", { ...good, outcome: "fail" }],
    ["a list as a value", { ...good, value: [1] }],
    ["no time", { ...good, start: "now" }],
    ["a level nobody knows", { ...good, level: "strong" }],
    ["a bound without a number", { ...good, level: "bounded" }],
    ["a position that is none", { ...good, position: "7" }],
    ["a kind nobody knows", { ...good, kind: "add" }],
    ["a swap without its answer", { ...good, kind: "cas", from: 1, to: 2 }],
    ["a step nobody knows", { ...good, kind: "txn", micro: [["w", "a", 1]] }],
    ["a list that was answered without one", { ...good, kind: "txn", micro: [["r", "a", null]] }],
    ["a fault without a name", { type: "fault", what: "kill", phase: "moment", time: 1 }],
    ["an end without a number", { type: "end" }],
  ])("is refused: %s", (_, line) => {
    expect(parseLine(JSON.stringify(line)).ok).toBe(false);
  });
});
