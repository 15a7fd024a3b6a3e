/** The copy of the mock agent's computer: sound, or damaged as a test says. */
import type { CopyDifferences, CopyFinding, Verification } from "../../shared/api/copy.ts";
import type { ApiResult } from "../../shared/api/methods.ts";
import { logIndex, type LogIndex } from "../../shared/base/ids.ts";

const CHECKSUM = "9f3c1b70aa52d4e1";
const OTHER = "0000000000000001";

/** What a damaged copy lacks and has. */
export const MOCK_DIFFERENCES: CopyDifferences = {
  index: logIndex(18_204),
  tables: [
    { table: "patients", missing: 1, surplus: 0, changed: 1 },
    { table: "readings", missing: 0, surplus: 240, changed: 0 },
  ],
  objects: [],
  counters: [{ table: "patients", here: 70, should: 12 }],
  rows: [
    {
      ...{ table: "patients", operation: "update", columns: ["id", "name", "born"] },
      ...{ before: [7, "Eve", 1815], after: [7, "Ada", 1815] },
    },
    {
      ...{ table: "patients", operation: "insert", columns: ["id", "name", "born"] },
      ...{ before: null, after: [8, "Grace", 1906] },
    },
    {
      ...{ table: "readings", operation: "delete", columns: ["rowid", "value"] },
      ...{ before: [1, { $blob: "AP8=" }], after: null },
    },
  ],
};

/** Answers for it. */
export class MockCopy {
  finding: CopyFinding = "sound";
  /** What becomes of a repair. */
  outcome: "works" | "is-rolled-back" = "works";
  comparedWith: Verification["comparedWith"] = "leader";
  differences: CopyDifferences = MOCK_DIFFERENCES;
  repairCount = 0;

  verification(index: LogIndex): Verification {
    const isDamaged = this.finding !== "sound" && this.finding !== "log-differs";
    const isHeard = this.comparedWith === "leader";
    const recomputed = isDamaged ? OTHER : CHECKSUM;
    return {
      isIdentical: this.finding === "sound",
      comparedWith: this.comparedWith,
      index,
      rolling: CHECKSUM,
      recomputed,
      tables: [{ name: "patients", rolling: CHECKSUM, recomputed }],
      leader: this.finding === "log-differs" ? OTHER : isHeard ? CHECKSUM : null,
    };
  }

  rows(index: LogIndex): ApiResult<"verifyRows"> {
    const { finding } = this;
    const isListed = finding === "rows-differ" || finding === "tables-differ";
    const differences = isListed ? this.differences : null;
    return { verification: this.verification(index), finding, differences };
  }

  repair(index: LogIndex): ApiResult<"repairCopy"> {
    const { finding } = this;
    this.repairCount++;
    if (finding !== "rows-differ" && finding !== "tables-differ") {
      return { done: "nothing", finding, verification: this.verification(index) };
    }
    if (this.outcome === "is-rolled-back") {
      const verification = this.verification(index);
      return { done: "rolled-back", detail: "still not equal: t", finding, verification };
    }
    this.finding = "sound";
    const done = finding === "rows-differ" ? "rows" : "all";
    const verification = this.verification(index);
    return { done, differences: this.differences, finding, verification };
  }
}
