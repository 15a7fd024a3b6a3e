import type { ApiResult } from "../../shared/api/methods.ts";
import { formatCount } from "../parts/format.ts";

/** What a check of this copy found, in one sentence. It never claims more than was compared. */
export function describeVerification(found: ApiResult<"verify">): string {
  const at = `at entry ${formatCount(found.index)}`;
  if (!found.isIdentical) {
    const broken = found.tables.filter((table) => table.rolling !== table.recomputed);
    const names = broken.map((table) => table.name).join(", ");
    return names === ""
      ? `This copy differs from the leader's ${at}.`
      : `This copy is damaged ${at}, in: ${names}.`;
  }
  if (found.comparedWith === "leader") return `Every row is identical to the leader's ${at}.`;
  return found.leader === null
    ? `Every row matches this copy's own checksum ${at}; the leader's was not heard there.`
    : `Every row matches this copy's own checksum ${at}. This computer leads: the others compare with it.`;
}
