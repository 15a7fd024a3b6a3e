import { expect, it } from "vitest";
import {
  clusterRecordToJson,
  parseClusterRecord,
} from "../../electron/agent/members/cluster-record.ts";
import type { ClusterRecord } from "../../electron/agent/members/cluster-record.ts";
import { clusterId, memberId } from "../../shared/base/ids.ts";

const RECORD: ClusterRecord = {
  id: clusterId("c0ffee"),
  name: "Clinic",
  timeline: 1,
  memberName: "Front desk",
  initial: {
    seats: [
      { id: memberId("n1"), kind: "voter", incarnation: 3, context: new Uint8Array([1, 2, 3]) },
    ],
  },
  known: [memberId("n1"), memberId("n2")],
  begun: true,
  withdrawal: { incarnation: 3, reason: "wiped", detail: "nothing was there", atMs: 5 },
};

it("a record is what was stored, or nothing", () => {
  const text = JSON.stringify(clusterRecordToJson(RECORD), null, 2);
  expect(parseClusterRecord(JSON.parse(text))).toEqual({ ok: true, value: RECORD });
  let refused = 0;
  for (let at = 0; at < text.length; at++) {
    const spoilt = text.slice(0, at) + (text[at] === "1" ? "2" : "1") + text.slice(at + 1);
    const parsed = parsedOrNull(spoilt);
    if (parsed === null) continue;
    const read = parseClusterRecord(parsed);
    // Blanks between the fields are nobody's.
    if (read.ok) expect(read.value).toEqual(RECORD);
    else refused++;
  }
  expect(refused).toBeGreaterThan(100);
});

it("a record of a version without a checksum is taken as it is", () => {
  const { checksum, ...former } = clusterRecordToJson(RECORD);
  expect(checksum).toMatch(/^[0-9a-f]{8}$/);
  expect(parseClusterRecord(former)).toEqual({ ok: true, value: RECORD });
});

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
