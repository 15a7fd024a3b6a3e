import { expect, it } from "vitest";
import type { ClusterRecord } from "../../electron/agent/members/cluster-record.ts";
import { hasOthers } from "../../electron/agent/replica/open-log.ts";
import { clusterId, memberId } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";

const SELF = memberId("self");
const FOUNDER = memberId("founder");

/** Of a member that joined the founder's cluster. */
function joined(known: readonly MemberId[]): ClusterRecord {
  const context = new Uint8Array(0);
  const seats = [
    { id: FOUNDER, kind: "voter", incarnation: 0, context },
    { id: SELF, kind: "mirror", incarnation: 7, context },
  ] as const;
  return {
    ...{ id: clusterId("c"), name: "Clinic", timeline: 1, memberName: "Office" },
    ...{ initial: { seats }, known, begun: true, withdrawal: null },
  };
}

it("a member that all others were removed from is alone, whoever was there when it joined", () => {
  expect(hasOthers({ self: SELF, record: joined([FOUNDER, SELF]) })).toBe(true);
  expect(hasOthers({ self: SELF, record: joined([SELF]) })).toBe(false);
});
