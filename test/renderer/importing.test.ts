/**
 * CSV import in the window: the reader, the columns it makes, and the batches it sends.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CsvReader } from "../../renderer/importing/csv.ts";
import { parseCell, planColumns } from "../../renderer/importing/columns.ts";
import { ImportController } from "../../renderer/importing/importing.svelte.ts";
import { FakeAgent } from "./fake-agent.ts";

function readAll(text: string, pieceLength = text.length || 1) {
  const reader = new CsvReader();
  const rows: string[][] = [];
  for (let at = 0; at < text.length; at += pieceLength) {
    rows.push(...reader.push(text.slice(at, at + pieceLength), false));
  }
  rows.push(...reader.push("", true));
  return { rows, error: reader.error };
}

describe("CsvReader", () => {
  it("reads the same rows wherever the text is cut", () => {
    const text = '\uFEFFid;name\r\n1;"Ada; ""the"" first"\r\n2;"two\r\nlines"\r\n\r\n3;\n';
    const whole = readAll(text).rows;
    expect(whole).toEqual([
      ["id", "name"],
      ["1", 'Ada; "the" first'],
      ["2", "two\r\nlines"],
      ["3", ""],
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: text.length }), (pieceLength) => {
        expect(readAll(text, pieceLength)).toEqual({ rows: whole, error: null });
      }),
    );
  });

  it("refuses a ragged row with its line", () => {
    const { rows, error } = readAll("a,b\n1,2\n3\n4,5\n");
    expect(rows).toEqual([
      ["a", "b"],
      ["1", "2"],
    ]);
    expect(error).toEqual({ line: 3, problem: "1 cells where the header has 2" });
  });

  it("refuses a quote that never closes, and text after one that did", () => {
    expect(readAll('a,b\n1,"2\n').error?.problem).toContain("never closes");
    expect(readAll('a,b\n"1"x,2\n').error).toMatchObject({ line: 2 });
  });
});

describe("columns of an import", () => {
  it("are numbers only when every cell would be written back the same", () => {
    const plan = planColumns(
      ["n", "zip", "price", "", "N"],
      [
        ["1", "007", "1.5", "x", ""],
        ["-2", "123", "2", "y", ""],
      ],
    );
    expect(plan).toEqual([
      { name: "n", type: "INTEGER" },
      { name: "zip", type: "TEXT" },
      { name: "price", type: "REAL" },
      { name: "column 4", type: "TEXT" },
      { name: "N 2", type: "TEXT" },
    ]);
  });

  it("keep empty text in text columns and NULL in number columns", () => {
    expect(parseCell("", "TEXT")).toBe("");
    expect(parseCell("", "INTEGER")).toBeNull();
    expect(parseCell("12 apples", "INTEGER")).toBe("12 apples");
  });
});

describe("ImportController", () => {
  const importer = (agent: FakeAgent) =>
    new ImportController({ agent, create: () => Promise.resolve(null) });
  const fileOf = (text: string) => new File([text], "people.csv");

  it("sends batches one after the other and counts confirmed rows only", async () => {
    const agent = new FakeAgent();
    const sizes: number[] = [];
    agent.auto = (_method, params) => {
      const { rows } = params as { rows: unknown[] };
      sizes.push(rows.length);
      return { rowCount: rows.length };
    };
    const controller = importer(agent);
    const lines = Array.from({ length: 4_500 }, (_, place) => `${place},x`);
    await controller.run(fileOf(`id,name\n${lines.join("\n")}`), "people");
    expect(sizes).toEqual([2_000, 2_000, 500]);
    expect(controller.state).toMatchObject({ kind: "done", rowCount: 4_500 });
  });

  it("stops at a refused batch and says how many rows stayed", async () => {
    const agent = new FakeAgent();
    const controller = importer(agent);
    const running = controller.run(fileOf("id\n1\n"), "people");
    while (agent.calls.length === 0) await new Promise((done) => setTimeout(done, 0));
    await agent.take().refuse({ code: "not-leader", message: "Ada leads." });
    await running;
    expect(controller.state).toMatchObject({ kind: "failed", rowCount: 0 });
  });

  it("refuses a file that is not UTF-8 and writes nothing", async () => {
    const agent = new FakeAgent();
    const controller = importer(agent);
    await controller.run(new File([new Uint8Array([97, 10, 0xff, 10])], "x.csv"), "x");
    expect(controller.state).toMatchObject({ kind: "failed" });
    expect(agent.calls).toEqual([]);
  });
});
