import { describe, expect, it } from "vitest";
import { NO_BYTES } from "../../shared/base/bytes.ts";
import { memberId } from "../../shared/base/ids.ts";
import { randomBetween, seededRng } from "../../shared/base/rng.ts";
import {
  changeOf,
  decodeConfiguration,
  encodeConfiguration,
} from "../../shared/raft/configuration.ts";
import { SEATS_MAX, VOTERS_MAX } from "../../shared/raft/limits.ts";
import type { Configuration } from "../../shared/raft/types.ts";
import { N1, N2, N3, configurationOf } from "./core-fixture.ts";

const SAMPLE: Configuration = {
  seats: [
    { id: N1, kind: "voter", incarnation: 0, context: new Uint8Array([1, 2, 3]) },
    { id: N2, kind: "mirror", incarnation: 2 ** 40, context: NO_BYTES },
  ],
};

function many(count: number): Configuration {
  const ids = Array.from({ length: count }, (_, i) => memberId(`m${String(i).padStart(3, "0")}`));
  return configurationOf(ids.slice(0, 1), ids.slice(1));
}

describe("a configuration's bytes", () => {
  it("give the same configuration back", () => {
    expect(decodeConfiguration(encodeConfiguration(SAMPLE))).toEqual({ ok: true, value: SAMPLE });
  });

  it("stay what they are: old logs must be read for ever", () => {
    const bytes = Buffer.from(encodeConfiguration(SAMPLE)).toString("hex");
    expect(bytes).toBe("0102026e3101000301020302" + "6e3202808080808020" + "00");
  });

  it.each([
    ["no voter", configurationOf([], [N1])],
    ["seats out of order", configurationOf([N2, N1])],
    ["a seat twice", configurationOf([N1, N1])],
    ["too many voters", { seats: many(VOTERS_MAX + 1).seats.map(asVoter) }],
  ])("are refused with %s", (_name, configuration) => {
    expect(decodeConfiguration(encodeConfiguration(configuration)).ok).toBe(false);
  });

  it("never throw when they are damaged", () => {
    const rng = seededRng(7);
    const bytes = encodeConfiguration(SAMPLE);
    for (let round = 0; round < 2000; round++) {
      const damaged = bytes.slice(0, randomBetween(rng, 0, bytes.length));
      if (damaged.length > 0)
        damaged[randomBetween(rng, 0, damaged.length - 1)] = rng.uint32() & 255;
      expect(typeof decodeConfiguration(damaged).ok).toBe("boolean");
    }
  });
});

describe("a change", () => {
  it("gives a new mirror the entry's index as incarnation, and keeps seats sorted", () => {
    const base = configurationOf([N1, N3]);
    const changed = changeOf(base, { type: "add-mirror", id: N2, context: NO_BYTES }, 42);
    expect(changed).toMatchObject({
      ok: true,
      value: { seats: [{ id: N1 }, { id: N2, kind: "mirror", incarnation: 42 }, { id: N3 }] },
    });
  });

  it.each([
    ["would-leave-no-voter", { type: "demote", id: N1 }],
    ["would-leave-no-voter", { type: "remove", id: N1 }],
    ["already-so", { type: "promote", id: N1 }],
    ["already-so", { type: "demote", id: N2 }],
    ["already-so", { type: "add-mirror", id: N2, context: NO_BYTES }],
    ["already-so", { type: "set-context", id: N2, context: NO_BYTES }],
    ["unknown-member", { type: "remove", id: N3 }],
  ] as const)("is refused with %s: %o", (code, change) => {
    expect(changeOf(SAMPLE, change, 9)).toMatchObject({ ok: false, error: { code } });
  });

  it("is refused beyond the largest cluster", () => {
    const change = { type: "add-mirror", id: memberId("z"), context: NO_BYTES } as const;
    const refused = changeOf(many(SEATS_MAX), change, 9);
    expect(refused).toMatchObject({ ok: false, error: { code: "too-many-members" } });
  });
});

function asVoter<T extends Configuration["seats"][number]>(seat: T): T & { kind: "voter" } {
  return { ...seat, kind: "voter" };
}
