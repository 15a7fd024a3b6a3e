import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter } from "../../shared/base/bytes.ts";

const BOM = "\uFEFF";

function roundTrip(text: string): string {
  const reader = new ByteReader(new ByteWriter().text(text).uint8(7).finish());
  const read = reader.text(1_000);
  expect(reader.uint8()).toBe(7);
  expect(reader.failed).toBe(false);
  return read;
}

describe("texts in bytes", () => {
  it.each([
    ["nothing", ""],
    ["ASCII with control characters", "a\u0000b\u007f\n"],
    ["64 characters, the last one read by itself", "x".repeat(64)],
    ["65 characters", "x".repeat(65)],
    ["a letter beyond ASCII at the end", `${"x".repeat(40)}é`],
    ["a byte order mark, kept", `${BOM}a`],
    ["astral characters", "𝄞🙂"],
  ])("reads %s as it was written", (_, text) => {
    expect(roundTrip(text)).toBe(text);
  });

  it.each([
    ["a cut letter", [0xc3]],
    ["a lone continuation", [0x61, 0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
  ])("fails on %s, short or long", (_, bad) => {
    for (const before of [0, 80]) {
      const bytes = [...new Array<number>(before).fill(0x61), ...bad];
      const reader = new ByteReader(new ByteWriter().bytes(new Uint8Array(bytes)).finish());
      expect(reader.text(1_000)).toBe("");
      expect(reader.failed).toBe(true);
    }
  });

  it("fails on a text that is longer than allowed, or than what there is", () => {
    const bytes = new ByteWriter().text("abcdef").finish();
    const tooLong = new ByteReader(bytes);
    expect(tooLong.text(5)).toBe("");
    const cut = new ByteReader(bytes.subarray(0, 4));
    expect(cut.text(1_000)).toBe("");
    expect([tooLong.failed, cut.failed]).toEqual([true, true]);
  });
});

describe("writers one after the other", () => {
  it("share no memory: what one gave stays while others grow past their first allocation", () => {
    const outgrown = new ByteWriter().text("first").raw(new Uint8Array(100).fill(1));
    const small = new ByteWriter().text("second").finish();
    const other = new ByteWriter().text("third").finish();
    expect(new ByteReader(small).text(10)).toBe("second");
    expect(new ByteReader(other).text(10)).toBe("third");
    expect(new ByteReader(outgrown.finish()).text(10)).toBe("first");
  });
});
