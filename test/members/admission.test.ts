import { describe, expect, it } from "vitest";
import { NO_BYTES } from "../../shared/base/bytes.ts";
import { memberId } from "../../shared/base/ids.ts";
import type { Configuration } from "../../shared/raft/types.ts";
import { Admission } from "../../electron/agent/members/admission.ts";
import {
  clusterRecordToJson,
  parseClusterRecord,
} from "../../electron/agent/members/cluster-record.ts";
import { founderRecord } from "../../electron/agent/members/first-run.ts";
import { clusterId } from "../../shared/base/ids.ts";

function configuration(...ids: readonly string[]): Configuration {
  return {
    seats: ids.map((id) => {
      return { id: memberId(id), kind: "voter", incarnation: 0, context: NO_BYTES };
    }),
  };
}

describe("admission", () => {
  it("keeps the members a newcomer was told of while it replays configurations without them", () => {
    const admission = new Admission(memberId("c"), ["a", "b", "c"].map(memberId), () => undefined);
    admission.onConfiguration(configuration("a"), { isCommitted: true, held: 0 });
    admission.onConfiguration(configuration("a", "b"), { isCommitted: true, held: 0 });
    expect(admission.members()).toEqual(["a", "b", "c"]);
  });

  it("drops a member once a configuration without it is committed, and remembers it", () => {
    const saved: (readonly string[])[] = [];
    const admission = new Admission(memberId("a"), ["a", "b", "c"].map(memberId), (known) =>
      saved.push(known),
    );
    admission.onConfiguration(configuration("a", "b", "c"), { isCommitted: true, held: 0 });
    admission.onConfiguration(configuration("a", "c"), { isCommitted: false, held: 0 });
    expect(admission.admits(memberId("b"))).toBe(true);
    admission.onConfiguration(configuration("a", "c"), { isCommitted: true, held: 0 });
    expect(admission.admits(memberId("b"))).toBe(false);
    expect(saved).toEqual([["a", "c"]]);
  });

  it("lets nobody go by what is older than its seat, and everybody who is not of today once it is there", () => {
    const admission = new Admission(memberId("c"), ["a", "b", "c"].map(memberId), () => undefined);
    const at = (incarnation: number, ...ids: readonly string[]): Configuration => ({
      seats: configuration(...ids).seats.map((seat) => ({ ...seat, incarnation })),
    });
    // Its folder was emptied, it has a new seat, and the log is replayed: c was alone once, with x before.
    admission.onConfiguration(at(8, "c", "x"), { isCommitted: true, held: 52 });
    admission.onConfiguration(at(8, "c"), { isCommitted: true, held: 52 });
    admission.onConfiguration(at(8, "c"), { isCommitted: true, held: null });
    expect(admission.members()).toEqual(["a", "b", "c", "x"]);
    admission.onConfiguration(at(52, "a", "b", "c"), { isCommitted: true, held: 52 });
    expect(admission.members()).toEqual(["a", "b", "c"]);
    admission.onConfiguration(at(52, "a", "c"), { isCommitted: true, held: 52 });
    expect(admission.members()).toEqual(["a", "c"]);
  });

  it("admits a newcomer as soon as a configuration names it", () => {
    const admission = new Admission(memberId("a"), [memberId("a")], () => undefined);
    admission.onConfiguration(configuration("a"), { isCommitted: true, held: 0 });
    expect(admission.admits(memberId("z"))).toBe(false);
    admission.onConfiguration(configuration("a", "z"), { isCommitted: false, held: 0 });
    expect(admission.admits(memberId("z"))).toBe(true);
  });
});

describe("cluster.json", () => {
  const record = founderRecord({
    id: clusterId("c0ffee"),
    name: "Clinic",
    self: memberId("a"),
    memberName: "Reception",
  });

  it("comes back as it was written", () => {
    const json: unknown = JSON.parse(JSON.stringify(clusterRecordToJson(record)));
    expect(parseClusterRecord(json)).toEqual({ ok: true, value: record });
  });

  it("is refused with a sentence when it is another format, torn or no object", () => {
    const json = clusterRecordToJson(record);
    for (const bad of [null, 7, {}, { ...json, format: 2 }, { ...json, initial: "zz" }]) {
      const parsed = parseClusterRecord(bad);
      expect(parsed.ok).toBe(false);
      if (!parsed.ok) expect(parsed.error).toMatch(/^cluster\.json /);
    }
  });
});
