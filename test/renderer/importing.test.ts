/** An import from the window: read through, imported in batches, stopped, refused, taken back. */
import { beforeEach, expect, it } from "vitest";
import { ImportController } from "../../renderer/importing/importing.svelte.ts";
import { TakeBack } from "../../renderer/importing/take-back.svelte.ts";
import type { ApiParams } from "../../shared/api/methods.ts";
import { FakeAgent } from "./fake-agent.ts";

let agent: FakeAgent;
let controller: ImportController;
let inserts: ApiParams<"insertRows">[];

beforeEach(() => {
  agent = new FakeAgent();
  inserts = [];
  controller = new ImportController(agent);
  agent.auto = (method, params) => {
    if (method === "execute") return { term: 1, index: 1, results: [] };
    if (method !== "insertRows") return undefined;
    const insert = params as ApiParams<"insertRows">;
    inserts.push(insert);
    return { term: 1, index: inserts.length + 1, rowCount: insert.rows.length };
  };
});

const fileOf = (text: string, name = "people.csv") => new File([text], name);

it("shows what is in the file before anything is changed", async () => {
  await controller.choose(fileOf("id;name\n1;Ada\n2;Bob\n3\n"), null);
  expect(controller.state).toMatchObject({
    kind: "table",
    survey: { rowCount: 2, badRowCount: 1, settings: { delimiter: ";", hasHeader: true } },
  });
  expect(controller.choices).toMatchObject([
    { name: "id", type: "INTEGER" },
    { name: "name", type: "TEXT" },
  ]);
  expect(agent.calls).toEqual([]);
  await controller.read({ ...controller.request, hasHeader: false });
  expect(controller.choices.map(({ name }) => name)).toEqual(["column 1", "column 2"]);
});

it("imports in batches that bear the import's name, and leaves out what does not fit", async () => {
  const lines = Array.from({ length: 12_000 }, (_, place) => `${place},x`);
  await controller.choose(fileOf(`id,name\n${lines.join("\n")}\nbad\n`), null);
  controller.change(1, { name: "who" });
  await controller.importTable("people", "abc123");
  expect(controller.state).toMatchObject({
    kind: "done",
    totals: { rowCount: 12_000, badRowCount: 1 },
    failure: null,
  });
  expect(controller.hasBadRows).toBe(true);
  expect(inserts.map(({ rows }) => rows.length)).toEqual([5_000, 5_000, 2_000]);
  expect(inserts.every(({ columns }) => columns.join() === "id,who")).toBe(true);
  expect(inserts.every(({ clientId }) => clientId?.startsWith("import:abc123:"))).toBe(true);
  const keys = inserts.map(({ clientId, sequence }) => `${clientId} ${sequence}`);
  expect(new Set(keys).size).toBe(keys.length);
});

it("sends a batch again, with its key, when its outcome is not known", async () => {
  let isLost = true;
  const answer = agent.auto;
  agent.auto = (method, params) => {
    if (method !== "insertRows" || !isLost) return answer(method, params);
    isLost = false;
    return undefined;
  };
  await controller.choose(fileOf("id\n1\n"), null);
  const running = controller.importTable("t", "abc");
  while (agent.calls.length === 0) await new Promise((done) => setTimeout(done, 0));
  const first = agent.take();
  await first.refuse({ code: "unknown-outcome", message: "Lost." });
  await running;
  expect(controller.state).toMatchObject({ kind: "done", totals: { rowCount: 1 } });
  expect(inserts[0]).toMatchObject({
    clientId: (first.params as ApiParams<"insertRows">).clientId,
    sequence: 1,
  });
});

it("says why it ended, and how much is in", async () => {
  agent.auto = () => undefined;
  await controller.choose(fileOf("id\n1\n"), null);
  const running = controller.importTable("t", "abc");
  while (agent.calls.length === 0) await new Promise((done) => setTimeout(done, 0));
  await agent.take().refuse({ code: "not-leader", message: "Ada leads." });
  await running;
  expect(controller.state).toMatchObject({
    kind: "failed",
    totals: { rowCount: 0 },
    failure: { code: "not-leader" },
  });
});

it("refuses a file that it cannot read, and writes nothing", async () => {
  await controller.choose(fileOf('a,b\n1,"never closed\n'), null);
  expect(controller.state).toEqual({ kind: "idle" });
  expect(controller.failure?.verbatim).toBe("line 2, column 3: this quote is never closed.");
  expect(agent.calls).toEqual([]);
});

it("stops between batches", async () => {
  const lines = Array.from({ length: 60_000 }, (_, place) => String(place));
  await controller.choose(fileOf(`id\n${lines.join("\n")}\n`), null);
  const answer = agent.auto;
  agent.auto = (method, params) => {
    if (method === "insertRows") controller.stop();
    return answer(method, params);
  };
  await controller.importTable("t", "abc");
  expect(controller.state).toMatchObject({ kind: "stopped", failure: null });
  expect(inserts.length).toBeLessThan(5);
});

it("takes an import back part by part, and only when nothing stands in the way", async () => {
  const asked: unknown[] = [];
  agent.auto = (method, params) => {
    if (method === "undoImportPreview") {
      return { rowCount: 9, conflicts: [], changes: [], transactionCount: 2, made: ["t"] };
    }
    asked.push(params);
    const isFirst = asked.length === 1;
    const dropped = isFirst ? [] : ["t"];
    return { position: null, rowCount: 4, dropped, kept: [], next: isFirst ? 7 : null };
  };
  const back = new TakeBack(agent, "abc");
  await back.look();
  expect(back.state).toMatchObject({ kind: "asked", preview: { rowCount: 9 } });
  await back.run();
  expect(asked).toEqual([{ importId: "abc" }, { importId: "abc", beforeIndex: 7 }]);
  expect(back.state).toEqual({ kind: "done", rowCount: 8, dropped: ["t"], kept: [] });
});
