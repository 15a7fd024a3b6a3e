/** Which configuration is in force where, as the log grows, is cut, is replaced and is compacted. */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { ConfigurationHistory } from "../../shared/raft/configuration-history.ts";
import { encodeConfiguration } from "../../shared/raft/configuration.ts";
import { N1, N2, N3, at, configurationOf } from "./core-fixture.ts";

const ONE = configurationOf([N1]);
const TWO = configurationOf([N1, N2]);
const THREE = configurationOf([N1, N2, N3]);

/** One member from the start, two from 5 on, three from 8 on. */
function history(): ConfigurationHistory {
  const placed = new ConfigurationHistory({ index: logIndex(0), configuration: ONE });
  const kind = "configuration";
  placed.append([{ ...at(1, 5), kind, payload: encodeConfiguration(TWO) }]);
  placed.append([{ ...at(1, 8), kind, payload: encodeConfiguration(THREE) }]);
  return placed;
}

describe("the configurations of a log", () => {
  it("hold from their own entry on", () => {
    const placed = history();
    expect([0, 4, 5, 7, 8, 9].map((index) => placed.at(index))).toEqual([
      ONE,
      ONE,
      TWO,
      TWO,
      THREE,
      THREE,
    ]);
    expect([0, 4, 5, 7, 8].map((index) => placed.countAbove(index))).toEqual([2, 2, 1, 1, 0]);
  });

  it("go with the entry that is cut, and not with the one after it", () => {
    const placed = history();
    placed.truncateFrom(9);
    expect(placed.latest.index).toBe(8);
    placed.truncateFrom(8);
    expect(placed.latest).toEqual({ index: 5, configuration: TWO });
    expect(placed.previous).toEqual({ index: 0, configuration: ONE });
  });

  it("that were not committed are gone when a snapshot replaces the log", () => {
    const placed = history();
    placed.restore({ index: logIndex(20), configuration: ONE }, 7);
    expect(placed.at(19)).toEqual(TWO);
    expect(placed.at(20)).toEqual(ONE);
  });

  it("are forgotten where the log is, all but the one in force at its beginning", () => {
    const placed = history();
    placed.forgetBefore(5);
    expect(placed.at(4)).toEqual(ONE);
    placed.forgetBefore(6);
    expect(placed.at(4)).toEqual(TWO);
    placed.forgetBefore(100);
    expect(placed.at(7)).toEqual(THREE);
  });
});
